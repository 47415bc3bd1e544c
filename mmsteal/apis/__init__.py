"""What a person calls from Python."""

from mmsteal.apis.edge_inferencer import EdgeInferencer, EdgePrediction
from mmsteal.apis.run_config import load_run_config

__all__ = ['EdgeInferencer', 'EdgePrediction', 'load_run_config']
