"""The ranks of a run that torchrun or slurm started, on one machine or several."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

import torch.distributed as dist

Launcher = Literal['none', 'pytorch', 'slurm']
Item = TypeVar('Item')


@dataclass(frozen=True)
class Ranks:
    """Which share of the images is ours.

    Attributes:
        rank (int): Number of this rank.
        world (int): Number of ranks.
        local_rank (int): Number of this rank on its machine, for its GPU.
        local_world (int): Ranks on this machine, who share its cores.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Our share of what is the same on all ranks.

        Example:
            >>> Ranks(1, 3).share(range(8))
            range(1, 8, 3)
        """
        return items[self.rank :: self.world]

    def gather(self, value: Any) -> list[Any]:
        """What each rank has to tell; waits for all of them."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values


def present_ranks() -> Ranks:
    """The ranks of a process group that is there already, as while training."""
    if not (dist.is_available() and dist.is_initialized()):
        return Ranks()
    return Ranks(dist.get_rank(), dist.get_world_size())


def join_ranks(launcher: Launcher) -> Ranks:
    """Find the other ranks, over gloo: they exchange names of files, never pictures.

    Args:
        launcher: `'none'`, `'pytorch'` (torchrun) or `'slurm'`.

    Raises:
        ValueError: If the launcher has not set its variables.
    """
    if launcher == 'none':
        return Ranks()
    if launcher == 'slurm':
        slurm_to_env()
        # may read 8(x2) for two nodes alike
        tasks = os.environ.get('SLURM_NTASKS_PER_NODE', os.environ.get('SLURM_NTASKS', '1'))
        os.environ.setdefault('LOCAL_WORLD_SIZE', tasks.partition('(')[0])
    missing = [name for name in ('RANK', 'WORLD_SIZE') if name not in os.environ]
    if missing:
        raise ValueError(
            f'Expected the launcher {launcher!r} to set {" and ".join(missing)}; start with '
            'torchrun -m mmsteal refine, or in a checkout with tools/dist_refine.sh or '
            'tools/slurm_refine.sh.'
        )
    found = Ranks(
        int(os.environ['RANK']),
        int(os.environ['WORLD_SIZE']),
        int(os.environ.get('LOCAL_RANK', 0)),
        max(int(os.environ.get('LOCAL_WORLD_SIZE', 1)), 1),
    )
    if found.world > 1 and not dist.is_initialized():
        # A rank may wait as long as the slowest one takes.
        dist.init_process_group('gloo', timeout=timedelta(days=30))
    return found


def slurm_to_env() -> None:
    """Give torch.distributed the variables that it reads, from those that slurm sets."""
    for ours, theirs in (
        ('RANK', 'SLURM_PROCID'),
        ('WORLD_SIZE', 'SLURM_NTASKS'),
        ('LOCAL_RANK', 'SLURM_LOCALID'),
    ):
        if theirs in os.environ:
            os.environ[ours] = os.environ[theirs]
    nodes = os.environ.get('SLURM_STEP_NODELIST')
    if 'MASTER_ADDR' not in os.environ and nodes and shutil.which('scontrol'):
        # Rank 0 listens, and it runs on the first node of the step; slurm may have been asked from
        # another machine.
        hosts = subprocess.run(
            ['scontrol', 'show', 'hostnames', nodes], capture_output=True, text=True, check=False
        ).stdout.split()
        os.environ.update({'MASTER_ADDR': hosts[0]} if hosts else {})
    os.environ.setdefault('MASTER_ADDR', os.environ.get('SLURM_LAUNCH_NODE_IPADDR', '127.0.0.1'))
    os.environ.setdefault('MASTER_PORT', '29500')


def finish_distributed() -> None:
    """End the process group of a run that went well; without one nothing happens.

    Threads of gloo that outlive the interpreter abort the process now and then ("terminate called
    without an active exception"), and the launcher then calls a finished run failed. After an error
    it must not be called: ranks would wait for those that are gone.
    """
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
