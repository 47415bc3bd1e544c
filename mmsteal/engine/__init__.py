"""Hooks and optimizer wrappers."""

from mmsteal.engine.hooks import EdgeDumpHook, LossScheduleHook
from mmsteal.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = ['BFloat16OptimWrapper', 'EdgeDumpHook', 'LossScheduleHook']
