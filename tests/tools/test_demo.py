"""The demo, shrunk: set, training, scores, report; and what happens when it is run again."""

import re
from pathlib import Path

import pytest

from tests.tools.test_tools import python

pytestmark = pytest.mark.slow

TINY = ['--num-train', '6', '--num-val', '2', '--max-iters', '3']


def test_demo_writes_a_report_and_resumes(tmp_path):
    work_dir = tmp_path / 'demo'
    first = python('demo.py', '--work-dir', work_dir, *TINY)
    assert 'report.html' in first.stdout
    page = (work_dir / 'report.html').read_text()
    assert len(re.findall('data:image/png;base64,', page)) == 4
    for text in (
        'MF(ODS) thin',
        'AP raw',
        'maxDist 0.0089',
        'coin',
        'Validation images',
        'error of the training labels',
        'Coarse labels, repaired',
    ):
        assert text in page
    (work_dir / 'report.html').unlink()
    again = python('demo.py', '--work-dir', work_dir, *TINY)
    assert 'Iter(train)' not in again.stdout  # nothing is trained twice
    assert without_seconds((work_dir / 'report.html').read_text()) == without_seconds(page)


def without_seconds(page):
    """The last column of the methods on photographs is their time."""
    return re.sub(r'<td>[\d.]+</td></tr>', '', page)


def test_aligned_labels_are_shown(tmp_path):
    """Rounds come at iteration 400 in the config; here at the first."""
    config = tmp_path / 'aligned_early.py'
    base = Path(__file__).resolve().parents[2] / 'configs/steal_demo_aligned.py'
    config.write_text(
        f'_base_ = [{str(base)!r}]\n'
        'custom_hooks = [dict(type="LevelSetAlignHook", scope="dataset", begin=1, interval=1, '
        'align=dict(num_iters=4, balloon=1.0, stop_evidence=1.5, min_gain=0.0))]\n'
    )
    python('demo.py', '--work-dir', tmp_path / 'demo', '--config', config, *TINY)
    page = (tmp_path / 'demo/report.html').read_text()
    for text in ('Training labels: active alignment', 'as given', 'aligned at iteration 2'):
        assert text in page


def test_other_parameters_in_the_same_folder_are_refused(tmp_path):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/mine.txt').write_text('keep me')
    done = python('demo.py', '--work-dir', tmp_path, *TINY, check=False)
    assert done.returncode != 0
    assert re.fullmatch(r'error: .* is not a demo set.* choose another folder\.\n', done.stderr)
    assert (tmp_path / 'data/mine.txt').read_text() == 'keep me'
