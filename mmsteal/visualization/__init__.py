"""Pictures of edges."""

import lazy_loader

from mmsteal.visualization.edge_colors import (
    colorize_edges,
    distinct_palette,
    relative_strength,
)

# Colors and reports do without the mm stack, which the visualizer is a part of.
__getattr__, _, _ = lazy_loader.attach(
    __name__, submod_attrs={'edge_visualizer': ['EdgeLocalVisualizer']}
)

__all__ = ['EdgeLocalVisualizer', 'colorize_edges', 'distinct_palette', 'relative_strength']


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
