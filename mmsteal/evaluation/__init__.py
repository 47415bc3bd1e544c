"""Boundary scores: in the validation loop, and of predictions on disk."""

from mmsteal.evaluation.edge_metric import EdgeMetric
from mmsteal.evaluation.ground_truth import open_ground_truth
from mmsteal.evaluation.label_error import MeanLabelError, label_error
from mmsteal.evaluation.prediction_files import (
    PredictionFolder,
    read_prediction,
    write_prediction,
)
from mmsteal.evaluation.protocol import PROTOCOLS, BoundaryProtocol, boundary_protocol

__all__ = [
    'PROTOCOLS',
    'BoundaryProtocol',
    'EdgeMetric',
    'MeanLabelError',
    'PredictionFolder',
    'boundary_protocol',
    'label_error',
    'open_ground_truth',
    'read_prediction',
    'write_prediction',
]
