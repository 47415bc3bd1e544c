"""Pictures of edges."""

from mmsteal.visualization.edge_colors import (
    colorize_edges,
    distinct_palette,
    relative_strength,
)
from mmsteal.visualization.edge_visualizer import EdgeLocalVisualizer

__all__ = ['EdgeLocalVisualizer', 'colorize_edges', 'distinct_palette', 'relative_strength']
