"""The mm stack: whatever is made of it imports this module first.

Importing this module loads mmengine, mmcv and mmseg without noise and with the repairs of
:mod:`mmsteal.compat`. Where they are not installed, the error says how to install them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import warnings

from mmsteal.compat import hide_broken_timm, repair_checkpoints, stand_in_for_ops

INSTALL_ROUTES = """mmsteal needs mmengine, mmcv and mmseg. Install one of the two families:
  maintained forks:   pip install "mmsteal[onedl]"
  OpenMMLab's own:    pip install mmengine "mmcv-lite>=2.0.0rc4,<2.2.0" \\
                        "mmsegmentation>=1.2.2" ftfy regex "setuptools<81"
Never both: they overwrite each other's files."""

MODULES = ('mmengine', 'mmcv', 'mmseg', 'mmseg.models', 'mmseg.datasets')
# The forks print this for an optional data set, whatever the level of the logs.
_NOISE = 'Could not import OneDL'


def require_mm_stack() -> None:
    """Import the stack, and repair it.

    Raises:
        ImportError: If a part of it cannot be imported; the message names both routes to install
            it.
    """
    stand_in_for_ops()
    hide_broken_timm()
    printed = io.StringIO()
    try:
        _import_modules(printed)
    finally:
        # Whatever else is said goes where it does not end up in the output of a command.
        for line in printed.getvalue().splitlines():
            if line != _NOISE:
                print(line, file=sys.stderr)
    repair_checkpoints()


def _import_modules(printed: io.StringIO) -> None:
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        # mmcv without compiled ops warns of a layer that nothing here uses.
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformable')
        for name in MODULES:
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise ImportError(f'Cannot import `{name}`: {error}\n{INSTALL_ROUTES}') from error


require_mm_stack()
