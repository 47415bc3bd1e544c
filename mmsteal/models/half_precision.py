"""Weights to hand on: in half precision, without what only training needs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader

from mmsteal.files import write_file
from mmsteal.version import __version__


def write_half_precision(source: str | Path, out: str | Path) -> None:
    """Write the weights of a checkpoint in float16, with the names of its classes.

    Optimizer, schedules and logs are left out, and so are the last weights of a run with a moving
    average of them, which is what stays. The file holds tensors and plain values alone, so
    `torch.load(out, weights_only=True)` reads it.

    Args:
        source (str | Path): Checkpoint of a run.
        out (str | Path): File to write; whole or not at all.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If a weight is too large for float16.
    """
    found = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')
    weights = {}
    for name, value in found.get('state_dict', found).items():
        half = value.half() if value.is_floating_point() else value
        if not half.isfinite().all():
            raise ValueError(
                f'Expected weights within the range of float16, but {name} of {source} is not.'
            )
        weights[name] = half.contiguous()
    meta = found.get('meta', {})
    kept: dict[str, Any] = {'mmsteal_version': __version__}
    if meta.get('dataset_meta'):
        kept['dataset_meta'] = {
            'classes': [str(name) for name in meta['dataset_meta'].get('classes', ())],
        }
    content = io.BytesIO()  # what fails at a file of torch tells no reason
    torch.save({'state_dict': weights, 'meta': kept}, content)
    write_file(out, content.getvalue())
