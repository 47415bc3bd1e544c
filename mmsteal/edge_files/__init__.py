"""Edge maps on disk: what this project writes, and what any method writes."""

from mmsteal.edge_files.class_names import class_indices
from mmsteal.edge_files.edge_bins import read_edge_bin, write_edge_bin
from mmsteal.edge_files.edge_folder import EdgeFolder
from mmsteal.edge_files.edge_pngs import read_edge_pngs, write_edge_pngs
from mmsteal.edge_files.prediction_folder import PredictionFolder, read_prediction
from mmsteal.edge_files.predictions import (
    check_distinct_names,
    probability_levels,
    write_prediction,
)

__all__ = [
    'EdgeFolder',
    'PredictionFolder',
    'check_distinct_names',
    'class_indices',
    'probability_levels',
    'read_edge_bin',
    'read_edge_pngs',
    'read_prediction',
    'write_edge_bin',
    'write_edge_pngs',
    'write_prediction',
]
