"""What a person calls from Python."""

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)
from mmsteal.apis.edge_inferencer import EdgeInferencer, EdgePrediction
from mmsteal.apis.label_refiner import LabelRefinement, LabelRefiner
from mmsteal.apis.run_config import load_run_config
from mmsteal.apis.runs import build_runner

__all__ = [
    'EdgeInferencer',
    'EdgePrediction',
    'LabelRefinement',
    'LabelRefiner',
    'build_runner',
    'load_run_config',
]
