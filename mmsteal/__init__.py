"""mmsteal: semantic boundary detection that learns from noisy labels, for MMSegmentation.

Importing it registers everything in mmseg's registries. `mmsteal.functional` is the layer of pure
functions; the rest plugs them in.
"""

from mmsteal.compat import repair_mm_stack, require_mm_stack
from mmsteal.version import __version__

require_mm_stack()
repair_mm_stack()

from mmsteal import datasets, engine, evaluation, models, visualization  # noqa: E402
from mmsteal.evaluation.edge_metric import EdgeMetric  # noqa: E402, F401 (registers it)
from mmsteal.visualization.edge_visualizer import EdgeLocalVisualizer  # noqa: E402, F401

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'models', 'visualization']
