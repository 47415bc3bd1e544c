"""mmsteal: semantic boundary detection that learns from noisy labels, for MMSegmentation.

`import mmsteal` makes mmseg's registries find everything by name, and loads nothing by itself: the
mm stack (mmengine, mmcv and mmseg) is imported by what is made of it, and `mmsteal.functional`,
`mmsteal.label_formats` and all that works on files and arrays do without. See
:mod:`mmsteal.registration`.
"""

import lazy_loader

from mmsteal.registration import await_mm_stack
from mmsteal.version import __version__

__getattr__, _, _parts = lazy_loader.attach(
    __name__,
    submodules=(
        'annotator', 'apis', 'cli', 'comparison', 'datasets', 'demo', 'edge_files', 'engine',
        'evaluation', 'file_evaluation', 'files', 'functional', 'jobs', 'label_formats',
        'label_tools', 'models', 'refinement', 'visualization',
    ),
)  # fmt: skip

__all__ = ['__version__', *_parts]

await_mm_stack()


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
