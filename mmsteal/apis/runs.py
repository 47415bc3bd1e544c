"""Runs that share a process, and nothing else."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.visualization import Visualizer


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config, with a log and pictures of its own.

    mmengine keeps the logger, the message hub and the visualizer of a process by name. Configs call
    their visualizer `'visualizer'`, so all runs after the first would write their pictures and
    curves into the folder of the first. Here each run has the name of its config, numbered from the
    second on.

    Args:
        cfg (Config): From :func:`load_run_config`; it stays as it is.

    Returns:
        Runner: To train, validate or test.

    Example:
        >>> cfg = load_run_config('mmsteal::steal_demo.py', data_root='data')  # doctest: +SKIP
        >>> build_runner(cfg).train()  # doctest: +SKIP
    """
    cfg = deepcopy(cfg)
    cfg.experiment_name = _free_name(cfg.get('experiment_name') or _stem(cfg))
    if cfg.get('visualizer') is None:
        cfg.visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
    cfg.visualizer.name = cfg.experiment_name
    return Runner.from_cfg(cfg)


def _stem(cfg: Config) -> str:
    return 'run' if cfg.filename is None else Path(cfg.filename).stem


def _free_name(name: str) -> str:
    """A name that no visualizer of the process has."""
    names = (name if number == 1 else f'{name}_{number}' for number in count(1))
    return next(free for free in names if not Visualizer.check_instance_created(free))
