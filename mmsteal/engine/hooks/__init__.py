"""Hooks: what happens around the iterations."""

from mmsteal.engine.hooks.assignment_align_hook import AssignmentAlignHook
from mmsteal.engine.hooks.edge_dump_hook import EdgeDumpHook
from mmsteal.engine.hooks.level_set_align_hook import LevelSetAlignHook
from mmsteal.engine.hooks.loss_schedule_hook import LossScheduleHook
from mmsteal.engine.hooks.whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    'AssignmentAlignHook',
    'EdgeDumpHook',
    'LevelSetAlignHook',
    'LossScheduleHook',
    'WholeCheckpointHook',
]
