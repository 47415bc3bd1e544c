"""Steps of the data pipeline."""

from mmsteal.datasets.transforms.coarsen import CoarsenLabels
from mmsteal.datasets.transforms.copy_paste import CopyPasteObjects
from mmsteal.datasets.transforms.edges import GenerateEdges
from mmsteal.datasets.transforms.formatting import PackEdgeInputs
from mmsteal.datasets.transforms.loading import LoadEdgeAnnotations, LoadSBDAnnotations

__all__ = [
    'CoarsenLabels',
    'CopyPasteObjects',
    'GenerateEdges',
    'LoadEdgeAnnotations',
    'LoadSBDAnnotations',
    'PackEdgeInputs',
]
