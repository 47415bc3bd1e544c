"""What the losses ask of their input, and the precision they compute in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_loss_input(logits: Tensor, target: Tensor, ignore_index: int) -> None:
    """Refuse logits and targets that do not belong together, and targets that are no edge maps.

    Args:
        logits: Expected to be floating point, of shape (N, K, H, W).
        target: Expected to be bool, integer or floating point, of the same shape and device.
        ignore_index: Value of ignored pixels.

    Raises:
        TypeError: An argument is no tensor, or `logits` is not floating point.
        ValueError: The shapes are not (N, K, H, W) or differ, the devices differ, or the target
            holds another value than 0, 1 and `ignore_index`.
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
    check_target(target, ignore_index)


def check_target(target: Tensor, ignore_index: int) -> None:
    """Refuse a target that is no edge map: its loss would be a number, and mean nothing.

    Of uint8 with 255 for ignored pixels, as all pipelines here make it, this takes two passes over
    bytes, a few thousandths of the loss. On an accelerator the host waits for the answer.

    Args:
        target: Edge target of any shape.
        ignore_index: Value of ignored pixels.

    Raises:
        ValueError: It holds another value than 0, 1 and `ignore_index`.
    """
    if target.dtype == torch.bool or target.numel() == 0:
        return
    if target.dtype == torch.uint8 and ignore_index == 255:
        fits = bool((target + 1).max() <= 2)  # 255 wraps around to 0
    else:
        fits = not bool(_strange(target, ignore_index).any())
    if not fits:
        value = target[_strange(target, ignore_index)][0].item()
        raise ValueError(
            f'Expected argument `target` to hold 1 for an edge, 0 for none and {ignore_index} for '
            f'ignored pixels, but got {value:g}; make edge maps of labels with label_map_to_edges, '
            'and binary ones of soft ones with a threshold.'
        )


def _strange(target: Tensor, ignore_index: int) -> Tensor:
    return (target != 0) & (target != 1) & (target != ignore_index)


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
