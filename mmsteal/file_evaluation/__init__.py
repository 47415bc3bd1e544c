"""Boundary scores of predictions on disk, against a data set on disk."""

from mmsteal.file_evaluation.evaluate import EvaluationResult, MethodResult, evaluate_files
from mmsteal.file_evaluation.ground_truth import GroundTruth, ImageTruth, open_ground_truth

__all__ = [
    'EvaluationResult',
    'GroundTruth',
    'ImageTruth',
    'MethodResult',
    'evaluate_files',
    'open_ground_truth',
]
