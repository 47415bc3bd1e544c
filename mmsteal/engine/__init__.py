"""Hooks and optimizer wrappers."""

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)
from mmsteal.engine.hooks import (
    AssignmentAlignHook,
    EdgeDumpHook,
    LevelSetAlignHook,
    LossScheduleHook,
    WholeCheckpointHook,
)
from mmsteal.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = [
    'AssignmentAlignHook',
    'BFloat16OptimWrapper',
    'EdgeDumpHook',
    'LevelSetAlignHook',
    'LossScheduleHook',
    'WholeCheckpointHook',
]
