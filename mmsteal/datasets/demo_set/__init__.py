"""A small set of images to learn semantic edges from, made of photographs that need no download.

Objects of five classes are cut from photographs bundled with scikit-image and laid over other
photographs, so the exact outline of each is known, and labels with a stated error can be made.
"""

from mmsteal.datasets.demo_set.painter import BACKGROUND, CLASSES, PALETTE
from mmsteal.datasets.demo_set.preview import draw_instance_edges, preview_demo_set
from mmsteal.datasets.demo_set.writing import IGNORE_INDEX, write_demo_set

__all__ = [
    'BACKGROUND',
    'CLASSES',
    'IGNORE_INDEX',
    'PALETTE',
    'draw_instance_edges',
    'preview_demo_set',
    'write_demo_set',
]
