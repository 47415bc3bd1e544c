"""Folders of coarse labels to folders of fine ones."""

from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.refinement.refine_file import FileRefiner, RefineTask
from mmsteal.refinement.refine_folder import RefineSummary, refine_folder
from mmsteal.refinement.settings import RefineSettings

__all__ = [
    'EdgeClasses',
    'FileRefiner',
    'RefineSettings',
    'RefineSummary',
    'RefineTask',
    'refine_folder',
]
