"""All classes that mmsteal registers: to import this module is to register them."""

from mmsteal import datasets, engine, models
from mmsteal.evaluation.edge_metric import EdgeMetric
from mmsteal.visualization.edge_visualizer import EdgeLocalVisualizer

__all__ = ['EdgeLocalVisualizer', 'EdgeMetric', 'datasets', 'engine', 'models']
