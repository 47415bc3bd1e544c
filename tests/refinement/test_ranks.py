"""Ranks from the variables of the launchers, and how progress is told."""

import pytest

from mmsteal.refinement import Ranks, join_ranks
from mmsteal.refinement.progress import Progress

NAMES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture
def environment(monkeypatch):
    """Without launchers; what is set meanwhile is taken back."""
    for name in NAMES:
        monkeypatch.setenv(name, 'x')
        monkeypatch.delenv(name)
    return monkeypatch


def test_no_launcher():
    assert join_ranks('none') == Ranks(0, 1)
    assert Ranks().gather({'a': 1}) == [{'a': 1}]


def test_launchers(environment):
    with pytest.raises(ValueError, match='RANK and WORLD_SIZE'):
        join_ranks('pytorch')
    environment.setenv('RANK', '0')
    environment.setenv('WORLD_SIZE', '1')
    assert join_ranks('pytorch') == Ranks(0, 1, 0, 1)
    for name in ('RANK', 'WORLD_SIZE'):
        environment.delenv(name)
    environment.setenv('SLURM_PROCID', '0')
    environment.setenv('SLURM_NTASKS', '1')
    environment.setenv('SLURM_LOCALID', '3')
    environment.setenv('SLURM_NTASKS_PER_NODE', '4(x2)')
    assert join_ranks('slurm') == Ranks(0, 1, 3, 4)


def test_progress_in_a_log(capsys):
    with Progress(4, every_s=0, label='refine') as bar:
        bar.step()
        bar.step(error=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith('refine: 1/4 images, ')
    assert lines[1].endswith('left, 1 errors')
    assert bar.line(4.0) == 'refine: 2/4 images, 0.50/s, 0:04 left, 1 errors'
    with Progress(4, shown=False) as bar:
        bar.step()
    assert capsys.readouterr().err == ''
