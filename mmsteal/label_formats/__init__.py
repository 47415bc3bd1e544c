"""Label files of segmentation data sets: read as objects, written back with what did not change.

Knows nothing of networks: numpy, scipy, scikit-image, OpenCV and PIL (and pycocotools for COCO).
"""

from __future__ import annotations

from mmsteal.label_formats.annotation import (
    AnnotatedObject,
    Annotation,
    LabelError,
    Region,
)
from mmsteal.label_formats.base import LabelFormat, LabelItem, LabelProblem
from mmsteal.label_formats.cityscapes import CityscapesFormat
from mmsteal.label_formats.coco import CocoFormat
from mmsteal.label_formats.cvat import CvatFormat
from mmsteal.label_formats.format_spec import FormatSpec
from mmsteal.label_formats.label_png import LabelPngFormat
from mmsteal.label_formats.label_studio import LabelStudioFormat
from mmsteal.label_formats.labelme import LabelmeFormat
from mmsteal.label_formats.open_format import LABEL_FORMATS, open_label_format
from mmsteal.label_formats.sbd import SbdFormat
from mmsteal.label_formats.voc import VocFormat

__all__ = [
    'LABEL_FORMATS',
    'AnnotatedObject',
    'Annotation',
    'CityscapesFormat',
    'CocoFormat',
    'CvatFormat',
    'FormatSpec',
    'LabelError',
    'LabelFormat',
    'LabelItem',
    'LabelPngFormat',
    'LabelProblem',
    'LabelStudioFormat',
    'LabelmeFormat',
    'Region',
    'SbdFormat',
    'VocFormat',
    'open_label_format',
]
