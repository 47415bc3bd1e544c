"""The published protocols, by name and mode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mmsteal.evaluation.protocol import BoundaryProtocol

# Hariharan et al. 2011; SEAL (Yu et al. 2018) on SBD and Cityscapes, as STEAL uses them; BSDS.
PROTOCOLS: dict[str, dict[str, BoundaryProtocol]] = {
    'sbd': {
        'thin': BoundaryProtocol('sbd', 'thin', 0.02, stored=True, drop_interior=True),
    },
    'seal': {
        'thin': BoundaryProtocol('seal', 'thin', 0.0075, margin=5, stored=True),
        'raw': BoundaryProtocol('seal', 'raw', 0.0075, margin=5),
    },
    'cityscapes': {
        'thin': BoundaryProtocol(
            'cityscapes', 'thin', 0.0035, radius=1.0, scale=0.5, instance_sensitive=True
        ),
        'raw': BoundaryProtocol(
            'cityscapes', 'raw', 0.0035, radius=2.0, scale=0.5, instance_sensitive=True
        ),
    },
    'bsds': {
        'thin': BoundaryProtocol('bsds', 'thin', 0.0075, stored=True, class_agnostic=True),
    },
}


def boundary_protocol(
    name: str | None = None, mode: str = 'thin', **changes: Any
) -> BoundaryProtocol:
    """Look a published protocol up, and change what is asked.

    Args:
        name: `'sbd'`, `'seal'`, `'cityscapes'` or `'bsds'`; None starts from the
            defaults of :class:`BoundaryProtocol`.
        mode: `'thin'` or `'raw'`.
        **changes: Attributes of :class:`BoundaryProtocol` to set; None leaves one as it is.

    Returns:
        The protocol.

    Raises:
        ValueError: If there is no such protocol, mode or attribute.

    Example:
        >>> boundary_protocol('seal', 'raw', max_dist=0.02).label
        'seal, raw, maxDist 0.02, not instance-sensitive, 99 thresholds, ground truth: radius 2 px, margin 5 px'
    """  # noqa: E501
    changes = {key: value for key, value in changes.items() if value is not None}
    unknown = set(changes) - set(BoundaryProtocol.__dataclass_fields__)
    if unknown:
        raise ValueError(
            f'Expected attributes out of {sorted(BoundaryProtocol.__dataclass_fields__)}, but got '
            f'{sorted(unknown)}.'
        )
    if name is None:
        return BoundaryProtocol(mode=mode, **changes)  # type: ignore[arg-type]
    _check_choice('protocol', name, PROTOCOLS)
    _check_choice(f'mode of {name!r}', mode, PROTOCOLS[name])
    return replace(PROTOCOLS[name][mode], **changes)


def _check_choice(what: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f'Expected {what} to be one of {sorted(choices)}, but got {value!r}.')
