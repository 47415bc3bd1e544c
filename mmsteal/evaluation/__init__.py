"""Boundary scores."""

from mmsteal.evaluation.edge_metric import EdgeMetric
from mmsteal.evaluation.prediction_files import read_prediction, write_prediction
from mmsteal.evaluation.protocol import PROTOCOLS, BoundaryProtocol, boundary_protocol

__all__ = [
    'PROTOCOLS',
    'BoundaryProtocol',
    'EdgeMetric',
    'boundary_protocol',
    'read_prediction',
    'write_prediction',
]
