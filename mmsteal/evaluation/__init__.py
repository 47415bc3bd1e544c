"""Boundary scores: in the validation loop, and of predictions on disk."""

import lazy_loader

from mmsteal.evaluation.label_error import LabelError, label_error
from mmsteal.evaluation.prediction_files import (
    PredictionFolder,
    read_prediction,
    write_prediction,
)
from mmsteal.evaluation.protocol import PROTOCOLS, BoundaryProtocol, boundary_protocol

# Files are read without the mm stack, which the metric of the validation loop is a part of.
__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={'edge_metric': ['EdgeMetric'], 'ground_truth': ['open_ground_truth']},
)

__all__ = [
    'PROTOCOLS',
    'BoundaryProtocol',
    'EdgeMetric',
    'LabelError',
    'PredictionFolder',
    'boundary_protocol',
    'label_error',
    'open_ground_truth',
    'read_prediction',
    'write_prediction',
]


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
