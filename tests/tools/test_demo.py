"""The demo, shrunk: set, training, scores, report; and what happens when it is run again."""

import re

import pytest

from tests.tools.test_tools import python

pytestmark = pytest.mark.slow

TINY = ['--num-train', '6', '--num-val', '2', '--max-iters', '3']


def test_demo_writes_a_report_and_resumes(tmp_path):
    work_dir = tmp_path / 'demo'
    first = python('demo.py', '--work-dir', work_dir, *TINY)
    assert 'report.html' in first.stdout
    page = (work_dir / 'report.html').read_text()
    assert len(re.findall('data:image/png;base64,', page)) == 3
    for text in (
        'MF(ODS) thin',
        'AP raw',
        'maxDist 0.0089',
        'coin',
        'Validation images',
        'error of the training labels',
    ):
        assert text in page
    (work_dir / 'report.html').unlink()
    again = python('demo.py', '--work-dir', work_dir, *TINY)
    assert 'Iter(train)' not in again.stdout  # nothing is trained twice
    assert (work_dir / 'report.html').read_text() == page


def test_other_parameters_in_the_same_folder_are_refused(tmp_path):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/mine.txt').write_text('keep me')
    done = python('demo.py', '--work-dir', tmp_path, *TINY, check=False)
    assert done.returncode != 0
    assert 'FileExistsError' in done.stderr
    assert (tmp_path / 'data/mine.txt').read_text() == 'keep me'
