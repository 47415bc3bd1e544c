"""Whether a checkpoint is one of this model; if not, which line of the config to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor, nn

_BLOCKS = {
    (2, 2, 2, 2): (18,), (3, 4, 6, 3): (34, 50), (3, 4, 23, 3): (101,), (3, 8, 36, 3): (152,),
}  # fmt: skip
_SHOWN = 5


def check_checkpoint_fits(
    model: nn.Module,
    state_dict: Mapping[str, Tensor],
    *,
    allow_unexpected: bool = False,
    describe: Callable[[str], str] = str,
) -> None:
    """Check that weights have the names and shapes of a model's parameters.

    mmengine loads what fits and warns of the rest; a model that keeps random weights then predicts
    without an error. Counters of batch normalisation may be missing.

    Args:
        model (nn.Module): A segmentor with `backbone` and `decode_head`.
        state_dict (Mapping[str, Tensor]): Weights by name, in the model's layout; a `module.` in
            front of the names does not matter.
        allow_unexpected (bool): Let weights pass that the model has no place for, such as those
            of an auxiliary head that the config leaves out.
        describe (Callable[[str], str]): What the message calls a name.

    Raises:
        ValueError: If names are missing, unexpected, or of another shape. The message names the
            mismatch and, for another number of classes or another ResNet, the config line.
    """
    expected = {name: tuple(x.shape) for name, x in model.state_dict().items()}
    found = {name.removeprefix('module.'): tuple(x.shape) for name, x in state_dict.items()}
    missing = [n for n in expected if n not in found and not n.endswith('num_batches_tracked')]
    unexpected = [n for n in found if n not in expected]
    reshaped = [n for n in found if n in expected and found[n] != expected[n]]
    if not (missing or reshaped or (unexpected and not allow_unexpected)):
        return
    lines = _hints(model, expected, found, reshaped)
    if missing:
        lines.append(f'missing: {_some([describe(n) for n in missing])}')
    if unexpected:
        lines.append(f'unexpected: {_some([describe(n) for n in unexpected])}')
    if reshaped:
        shapes = [f'{describe(n)} is {found[n]}, not {expected[n]}' for n in reshaped]
        lines.append(f'of another shape: {_some(shapes)}')
    raise ValueError(
        "Expected a checkpoint of the config's model, but got another.\n  " + '\n  '.join(lines)
    )


def _hints(model: nn.Module, expected: dict, found: dict, reshaped: list[str]) -> list[str]:
    """The config lines to change, where the mismatch is of a known kind."""
    hints = []
    if any(name.startswith('ce_fusion.') for name in found):
        hints.append(
            'these are released STEAL weights: convert them with `mmsteal convert-released` first.'
        )
    classes = {
        found[n][0]
        for n in reshaped
        if n.startswith('decode_head.') and expected[n][0] == model.num_classes != found[n][0]
    }
    if len(classes) == 1:
        (num_classes,) = classes
        hints.append(
            f'it has {num_classes} classes, the config {model.num_classes}: set '
            f'`model.decode_head.num_classes={num_classes}`, or take the checkpoint of '
            f'{model.num_classes} classes.'
        )
    blocks, wanted = _resnet_blocks(found), _resnet_blocks(expected)
    if any(blocks) and any(wanted) and blocks != wanted:
        depths = ' or '.join(f'ResNet-{d}' for d in _BLOCKS.get(blocks, ())) or 'unknown'
        hints.append(
            f'its backbone has {blocks} blocks in its four stages ({depths}), that of the config '
            f'{wanted}: set `model.backbone.depth` (and `model.decode_head.in_channels`), or take '
            'the checkpoint of that depth.'
        )
    return hints


def _resnet_blocks(names) -> tuple[int, ...]:
    blocks: list[set] = [set(), set(), set(), set()]
    for name in names:
        match = re.match(r'backbone\.layer([1-4])\.(\d+)\.', name)
        if match:
            blocks[int(match[1]) - 1].add(match[2])
    return tuple(len(b) for b in blocks)


def _some(items: list[str]) -> str:
    rest = len(items) - _SHOWN
    return ', '.join(items[:_SHOWN]) + (f' and {rest} more' if rest > 0 else '')
