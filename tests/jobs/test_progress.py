"""How progress is told."""

import re

from mmsteal.jobs import Job, run_job
from mmsteal.jobs.progress import progress_bar


def test_lines_where_there_is_no_terminal(capsys):
    with progress_bar(4, label='refine', initial=1) as bar:
        for _ in range(3):
            bar.update()
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith('refine: 1/4 images, ')
    # no line for each image, and the last one in any case
    assert re.fullmatch(r'refine: 4/4 images, [\d.]+/s, 00:00 left', last)
    with progress_bar(4, label='refine', shown=False) as bar:
        bar.update()
    assert capsys.readouterr().err == ''


def test_lines_go_where_they_are_wanted(capsys):
    lines = []

    def work(item):
        if item:
            raise ValueError('bad')

    list(run_job(Job(work=work, label='align'), range(3), progress=lines.append))
    assert capsys.readouterr().err == ''
    assert lines[0].startswith('align: 0/3 images')
    assert lines[-1].startswith('align: 3/3 images')
    assert lines[-1].endswith('left, errors=2')
