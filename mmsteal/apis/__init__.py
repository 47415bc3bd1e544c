"""What a person calls from Python."""

from mmsteal.apis.edge_inferencer import EdgeInferencer, EdgePrediction
from mmsteal.apis.label_refiner import LabelRefinement, LabelRefiner
from mmsteal.apis.run_config import load_run_config

__all__ = [
    'EdgeInferencer',
    'EdgePrediction',
    'LabelRefinement',
    'LabelRefiner',
    'load_run_config',
]
