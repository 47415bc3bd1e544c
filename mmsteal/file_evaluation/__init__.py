"""Boundary scores of predictions on disk, against a data set on disk."""

from mmsteal.file_evaluation.evaluate import evaluate_files
from mmsteal.file_evaluation.ground_truth import GroundTruth, ImageTruth
from mmsteal.file_evaluation.job import EvaluationJob
from mmsteal.file_evaluation.open_truth import open_ground_truth
from mmsteal.file_evaluation.results import EvaluationResult, MethodResult

__all__ = [
    'EvaluationJob',
    'EvaluationResult',
    'GroundTruth',
    'ImageTruth',
    'MethodResult',
    'evaluate_files',
    'open_ground_truth',
]
