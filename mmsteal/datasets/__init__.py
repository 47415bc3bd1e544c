"""Datasets in their released layouts, and the steps of their pipelines."""

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)
from mmsteal.datasets.cityscapes_edge import CityscapesEdgeDataset
from mmsteal.datasets.edge_dataset import EdgeDataset
from mmsteal.datasets.samplers import SeededInfiniteSampler
from mmsteal.datasets.sbd_edge import SBDEdgeDataset
from mmsteal.datasets.transforms import (
    CoarsenLabels,
    CopyPasteObjects,
    GenerateEdges,
    LoadEdgeAnnotations,
    LoadSBDAnnotations,
    PackEdgeInputs,
)

__all__ = [
    'CityscapesEdgeDataset',
    'CoarsenLabels',
    'CopyPasteObjects',
    'EdgeDataset',
    'GenerateEdges',
    'LoadEdgeAnnotations',
    'LoadSBDAnnotations',
    'PackEdgeInputs',
    'SBDEdgeDataset',
    'SeededInfiniteSampler',
]
