"""Folders of coarse labels to folders of fine ones, and back."""

from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.refinement.refine_file import FileRefiner, RefineTask
from mmsteal.refinement.refine_folder import RefineSummary, refine_folder
from mmsteal.refinement.settings import RefineSettings
from mmsteal.refinement.simulate_folder import (
    SimulateSettings,
    SimulateSummary,
    simulate_folder,
)

__all__ = [
    'EdgeClasses',
    'FileRefiner',
    'RefineSettings',
    'RefineSummary',
    'RefineTask',
    'SimulateSettings',
    'SimulateSummary',
    'refine_folder',
    'simulate_folder',
]
