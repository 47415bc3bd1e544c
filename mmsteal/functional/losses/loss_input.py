"""What the losses ask of their input, and the precision they compute in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_loss_input(logits: Tensor, target: Tensor) -> None:
    """Refuse logits and targets that do not belong together.

    Only what the host knows is checked; values are not looked at, because that would make the host
    wait for the device in each training step.

    Args:
        logits: Expected to be floating point, of shape (N, K, H, W).
        target: Expected to be bool, integer or floating point, of the same shape and device.

    Raises:
        TypeError: An argument is no tensor, or `logits` is not floating point.
        ValueError: The shapes are not (N, K, H, W) or differ, or the devices differ.
    """
    for name, value in (('logits', logits), ('target', target)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f'Expected argument `{name}` to be a torch tensor, but got {type(value).__name__}.'
            )
    if not logits.is_floating_point():
        raise TypeError(
            f'Expected argument `logits` to be floating point, but got {logits.dtype}; '
            'pass what the network returns, before the sigmoid.'
        )
    if logits.ndim != 4:
        raise ValueError(
            f'Expected argument `logits` to have shape (N, K, H, W), but got {tuple(logits.shape)}.'
        )
    if target.shape != logits.shape:
        raise ValueError(
            f'Expected argument `target` to have the shape of `logits` {tuple(logits.shape)}, '
            f'but got {tuple(target.shape)}; resize the logits to the size of the labels.'
        )
    if target.device != logits.device:
        raise ValueError(
            f'Expected argument `target` to be on the device of `logits` ({logits.device}), '
            f'but got {target.device}.'
        )


def check_option(name: str, value: object, options: Sequence[str]) -> None:
    """Refuse a mode that is not one of the options.

    Args:
        name: Name of the argument, for the message.
        value: Its value.
        options: The modes there are.

    Raises:
        ValueError: `value` is not one of `options`.
    """
    if value not in options:
        names = ', '.join(map(repr, options))
        raise ValueError(f'Expected argument `{name}` to be one of {names}, but got {value!r}.')


def loss_dtype(logits: Tensor) -> torch.dtype:
    """The precision to compute the loss of these logits in: float32, or float64 where they are."""
    return torch.promote_types(logits.dtype, torch.float32)


def at_least_float32(logits: Tensor) -> Tensor:
    """Half precision to float32, the rest as it is; inside autocast too.

    Args:
        logits: Floating point tensor.

    Returns:
        The same values in the :func:`loss_dtype`.
    """
    return logits.to(loss_dtype(logits))
