"""Folders of coarse labels to folders of fine ones: workers, ranks, resuming, reports."""

from mmsteal.refinement.class_mapping import EdgeClasses
from mmsteal.refinement.ranks import Ranks, join_ranks
from mmsteal.refinement.refine_file import FileRefiner, OutputError
from mmsteal.refinement.refine_folder import RefineSummary, refine_folder
from mmsteal.refinement.settings import FormatSpec, RefineSettings

__all__ = [
    'EdgeClasses',
    'FileRefiner',
    'FormatSpec',
    'OutputError',
    'Ranks',
    'RefineSettings',
    'RefineSummary',
    'join_ranks',
    'refine_folder',
]
