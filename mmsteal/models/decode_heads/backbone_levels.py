"""Check that the levels of a backbone fit the head that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor


def check_levels(head: BaseDecodeHead, inputs: Sequence[Tensor]) -> None:
    """Refuse levels of another number, or of other channels, than a head is set to.

    Args:
        head (BaseDecodeHead): With `in_index` and `in_channels`.
        inputs (Sequence[Tensor]): What the backbone, or the neck after it, returned.

    Raises:
        ValueError: If they do not fit; the message has the line that would.
    """
    name = type(head).__name__
    if isinstance(inputs, Tensor):
        raise ValueError(
            f'Expected the backbone to return a sequence of levels for {name}, but got one tensor '
            f"of shape {tuple(inputs.shape)}; set the backbone's `out_indices`."
        )
    wanted = [head.in_index] if isinstance(head.in_index, int) else list(head.in_index)
    given = [level.shape[1] for level in inputs]
    if not all(-len(given) <= index < len(given) for index in wanted):
        raise ValueError(
            f'Expected the backbone to return the levels `in_index={wanted}` of {name}, but it '
            f'returns {len(given)}, of {given} channels; change `in_index` and `in_channels` of '
            'the head, or `out_indices` of the backbone.'
        )
    channels = [given[index] for index in wanted]
    fits = {
        # These heads keep the sum of the channels.
        'resize_concat': head.in_channels == sum(channels),
        'multiple_select': list(_as_sequence(head.in_channels)) == channels,
    }.get(head.input_transform, head.in_channels == channels[0])
    if not fits:
        line = channels[0] if head.input_transform is None else channels
        raise ValueError(
            f'Expected levels of {head.in_channels} channels (`in_channels` of {name}), but those '
            f"of the backbone at `in_index={head.in_index}` have {line}; set the head's "
            f'`in_channels={line}`. All levels of the backbone: {given}.'
        )


def check_strides(levels: Sequence[Tensor], strides: Sequence[int] | None = None) -> None:
    """Refuse levels that are not in order, or not of the strides that a head is set to.

    Args:
        levels (Sequence[Tensor]): The levels that the head selected, (N, C_i, h_i, w_i).
        strides (Sequence[int] | None): The stride of each that the head is set to.

    Raises:
        ValueError: If the first is not the finest, or the strides contradict the sizes.
    """
    sizes = [tuple(level.shape[2:]) for level in levels]
    if any(size[axis] > sizes[0][axis] for size in sizes for axis in (0, 1)):
        raise ValueError(
            'Expected the finest of the selected levels to come first, but their sizes are '
            f'{sizes}; sort `in_index` of the head, and `in_channels` with it.'
        )
    for stride, size in zip(strides or (), sizes, strict=False):
        for axis in (0, 1):
            # Backbones round their sizes up or down, at several stages.
            if abs(size[axis] * stride - sizes[0][axis] * strides[0]) > 2 * max(strides):
                raise ValueError(
                    f'Expected levels of strides in_strides={list(strides)}, but their sizes are '
                    f"{sizes}, which contradict these strides; fix the head's `in_strides`, or "
                    "use upsample='bilinear', which needs none."
                )


def _as_sequence(channels: int | Sequence[int]) -> Sequence[int]:
    return [channels] if isinstance(channels, int) else channels
