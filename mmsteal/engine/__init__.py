"""Hooks and optimizer wrappers."""

from mmsteal.engine.hooks import (
    AssignmentAlignHook,
    EdgeDumpHook,
    LevelSetAlignHook,
    LossScheduleHook,
)
from mmsteal.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = [
    'AssignmentAlignHook',
    'BFloat16OptimWrapper',
    'EdgeDumpHook',
    'LevelSetAlignHook',
    'LossScheduleHook',
]
