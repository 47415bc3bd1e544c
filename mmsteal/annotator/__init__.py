"""The annotator page: draw a rough shape, see it move to the edges, take the masks along.

Everything but `page` works without a browser and without gradio.
"""

from mmsteal.annotator.edge_maps import EdgeMaps
from mmsteal.annotator.evolution import Evolution, Settings, evolve
from mmsteal.annotator.export import export_masks
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.pictures import Picture, read_picture
from mmsteal.annotator.session import Session

__all__ = [
    'AnnotatorError',
    'EdgeMaps',
    'Evolution',
    'Picture',
    'Session',
    'Settings',
    'evolve',
    'export_masks',
    'read_picture',
]
