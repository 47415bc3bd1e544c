"""Ranks from the variables of the launchers."""

import pytest
import torch

from mmsteal.jobs import Ranks, finish_distributed, join_ranks, present_ranks

NAMES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture
def environment(monkeypatch):
    """Without launchers; what is set meanwhile is taken back."""
    for name in NAMES:
        monkeypatch.setenv(name, 'x')
        monkeypatch.delenv(name)
    return monkeypatch


def test_no_launcher():
    assert join_ranks('none') == present_ranks() == Ranks(0, 1)
    assert Ranks().gather({'a': 1}) == [{'a': 1}]
    assert Ranks().share([1, 2, 3]) == [1, 2, 3]


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


def test_process_group_ends(tmp_path):
    finish_distributed()  # without one nothing happens
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    finish_distributed()
    assert not torch.distributed.is_initialized()
