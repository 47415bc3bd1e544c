"""Checkpoints are loaded without running what is in them.

A `.pth` file is a pickle, and a pickle may name any function to be called when it is loaded. Here
all that mmengine loads, from disk or from the network, goes through torch's reader of weights,
which calls nothing but what rebuilds tensors, and what :func:`allowed_globals` adds: checkpoints of
mmengine also hold NumPy's numbers and the history of its logs.
"""

from __future__ import annotations

import os
import pickle
import re
from functools import cache
from typing import Any

import numpy as np
import torch

# Of the environment, so that all ranks and worker processes have the same.
TRUST_VARIABLE = 'MMSTEAL_TRUST_CHECKPOINTS'


def restrict_checkpoints() -> None:
    """Let mmengine load checkpoints, of either family of the stack, by :func:`load_weights`."""
    from mmengine.runner import checkpoint

    def load_from_local(filename: str, map_location: Any) -> Any:
        return load_weights(os.path.expanduser(filename), map_location)

    def safe_torch_load(
        file: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> Any:
        return load_weights(file, map_location)

    checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    # The forks call it for all other places, OpenMMLab's mmengine has none such.
    checkpoint._safe_torch_load = safe_torch_load
    checkpoint.load_url = _load_url


def trust_checkpoints() -> None:
    """Load checkpoints in full from now on, in this process and those that it starts."""
    os.environ[TRUST_VARIABLE] = '1'


def load_weights(file: Any, map_location: Any = None) -> Any:
    """Load a checkpoint.

    Args:
        file (str | os.PathLike | BinaryIO): What `torch.save` wrote.
        map_location (Any): As of :func:`torch.load`.

    Returns:
        Any: What is in it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no whole checkpoint, or one that calls functions when it is loaded.
    """
    if isinstance(file, str | os.PathLike) and not os.path.isfile(file):
        raise FileNotFoundError(f'{file} can not be found.')
    return _guarded(
        file, lambda safely: torch.load(file, map_location=map_location, weights_only=safely)
    )


def allowed_globals() -> list[Any]:
    """What a checkpoint of mmengine may name beside tensors: NumPy's numbers, histories of logs."""
    from mmengine.logging.history_buffer import HistoryBuffer

    def statistic(owner: Any, name: str) -> Any:
        if owner is not HistoryBuffer or name not in HistoryBuffer._statistics_methods:
            raise pickle.UnpicklingError(f'getattr of {owner!r} and {name!r}')
        return HistoryBuffer._statistics_methods[name]

    HistoryBuffer()  # knows its statistics from now on
    rebuild = [np.zeros(1).__reduce__()[0], np.float64(1).__reduce__()[0]]
    kinds = [type(np.dtype(code)) for code in '?bBhHiIlLqQefdFD']
    return [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *kinds,
        # How the methods of a class are pickled; no other attribute of anything is looked up.
        _at(statistic, 'builtins', 'getattr'),
        _at(lambda: b'', 'builtins', 'bytes'),  # of empty arrays
        # Versions 1 and 2 of NumPy have these at different places.
        *(
            _at(function, package, function.__name__)
            for package in ('numpy.core.multiarray', 'numpy._core.multiarray')
            for function in rebuild
        ),
    ]


def _at(function: Any, module: str, name: str) -> Any:
    """A function under the name by which pickles call for it."""

    def stand_in(*args: Any) -> Any:
        return function(*args)

    stand_in.__module__, stand_in.__name__, stand_in.__qualname__ = module, name, name
    return stand_in


def _guarded(name: Any, load: Any) -> Any:
    """Call `load`, which takes whether to load safely, and say what is wrong with the file."""
    if os.environ.get(TRUST_VARIABLE, '') not in ('', '0'):
        return load(False)
    _allow()
    try:
        return load(True)
    except OSError:
        raise
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'Expected {name} to be a checkpoint of weights, but it is damaged, or asks for code '
            f'to be run when it is loaded ({_reason(error)}). If you trust where it comes from, '
            f'say --trust-checkpoint, or set the environment variable {TRUST_VARIABLE}=1.'
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise ValueError(
            f'Expected {name} to be a checkpoint that torch.save wrote, but it cannot be read as '
            f'one ({_reason(error)}); it may be cut off.'
        ) from error


@cache
def _allow() -> None:
    torch.serialization.add_safe_globals(allowed_globals())


def _reason(error: Exception) -> str:
    """What torch says, without its advice."""
    text = str(error).rpartition('WeightsUnpickler error: ')[2].strip() or type(error).__name__
    return re.split(r'\n|\. | was not an allowed', text)[0]


def _load_url(
    url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True
) -> Any:
    return _guarded(
        url,
        lambda safely: torch.hub.load_state_dict_from_url(
            url, model_dir, map_location=map_location, progress=progress, weights_only=safely
        ),
    )
