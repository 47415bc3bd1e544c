"""Two sets of labels compared: is one nearer to a checked one, and where is it worst."""

from mmsteal.comparison.compare_labels import compare_labels
from mmsteal.comparison.label_comparison import ComparedImage, LabelComparison, MeanAgreement
from mmsteal.comparison.report import class_table, image_table, write_comparison

__all__ = [
    'ComparedImage',
    'LabelComparison',
    'MeanAgreement',
    'class_table',
    'compare_labels',
    'image_table',
    'write_comparison',
]
