"""Short trainings that end with one validation and can be killed."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

CHECKPOINTS_EVERY = 100


def short_training(cfg: Config, folder: Path, *, seed: int, max_iters: int | None = None) -> Config:
    """Fit a config to an experiment: a seed, a budget, checkpoints to go on from, no pictures.

    It is not validated while it trains; call `runner.val_loop.run()` after `runner.train()`.

    Args:
        cfg: Changed in place.
        folder: Where the run lies.
        seed: Of weights and crops.
        max_iters: Length of the training; the schedule is shortened with it. None: the config's.

    Returns:
        The config.
    """
    planned = cfg.train_cfg.max_iters
    budget = planned if max_iters is None else max_iters
    for scheduler in cfg.param_scheduler:
        scheduler.end = budget if scheduler.end == planned else min(scheduler.end, budget)
    cfg.param_scheduler = [s for s in cfg.param_scheduler if s.begin < s.end]
    cfg.train_cfg.update(max_iters=budget, val_interval=budget, val_begin=budget + 1)
    cfg.randomness = dict(seed=seed)
    cfg.default_hooks.checkpoint.update(
        interval=CHECKPOINTS_EVERY, max_keep_ckpts=1, save_best=None
    )
    cfg.default_hooks.visualization.draw = False
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    cfg.log_level = 'WARNING'
    cfg.resume = True
    cfg.work_dir = str(folder)
    return cfg
