"""Batches of validation and test images, which have to be of one size."""

from __future__ import annotations

from typing import Any


class OneSizeBatches:
    """Mixin of segmentors: images of several sizes in a batch are told before they are stacked."""

    def val_step(self, data: dict) -> list:
        """Predict a batch; see :class:`mmengine.model.BaseModel`."""
        _require_one_size(data)
        return super().val_step(data)  # type: ignore[misc]

    def test_step(self, data: dict) -> list:
        """Predict a batch; see :class:`mmengine.model.BaseModel`."""
        _require_one_size(data)
        return super().test_step(data)  # type: ignore[misc]


def _require_one_size(data: Any) -> None:
    inputs = data.get('inputs') if isinstance(data, dict) else None
    sizes = [tuple(image.shape[-2:]) for image in inputs or () if hasattr(image, 'shape')]
    if len(set(sizes)) > 1:
        first, other = sizes[0], next(size for size in sizes if size != sizes[0])
        raise ValueError(
            'Expected images of one size in a batch of validation or test, but got '
            f'{first[1]} x {first[0]} and {other[1]} x {other[0]} (width x height); set '
            'val_dataloader.batch_size=1 and test_dataloader.batch_size=1, or bring all images to '
            "one size in the test pipeline: dict(type='Resize', scale=(WIDTH, HEIGHT))."
        )
