"""Labels that move to the predicted edges while the network trains (sections 3.4 and 3.5)."""

from mmsteal.engine.alignment.aligner import Aligner
from mmsteal.engine.alignment.assignment import AssignmentAligner
from mmsteal.engine.alignment.batch import BatchAligner
from mmsteal.engine.alignment.dataset import DatasetAligner, RoundSettings
from mmsteal.engine.alignment.label_files import LoadAlignedLabels
from mmsteal.engine.alignment.label_map import align_label_map
from mmsteal.engine.alignment.summary import AlignmentSummary

__all__ = [
    'Aligner',
    'AlignmentSummary',
    'AssignmentAligner',
    'BatchAligner',
    'DatasetAligner',
    'LoadAlignedLabels',
    'RoundSettings',
    'align_label_map',
]
