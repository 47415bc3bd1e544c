"""What the values of a label map mean."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsteal.functional.labels.mask_values import INSIDE, is_mask


@dataclass(frozen=True)
class LabelValues:
    """What the values of a label map mean, and what counts as an object.

    Args:
        background: Label of pixels of no object, into which objects may grow.
        unlabelled: Label of pixels that nobody labelled: near objects they are filled. Not beside
            `background`, which is an object like others where pixels are unlabelled too: leave it
            out then.
        ignore_index: Label of pixels that are left alone; None for none.
        unclaimed: Label of pixels that an object gave up and no other one claims. None: that of
            the background, or else of the unlabelled, or else of the ignored.
        components: Whether each 8-connected component is an object of its own.

    Raises:
        ValueError: If both `background` and `unlabelled` are given, or none of the labels for
            unclaimed pixels.

    Example:
        >>> LabelValues(background=0).nobody
        0
    """

    background: int | None = None
    unlabelled: int | None = None
    ignore_index: int | None = 255
    unclaimed: int | None = None
    components: bool = False

    def __post_init__(self) -> None:
        if self.background is not None and self.unlabelled is not None:
            raise ValueError(
                'Expected either `background` or `unlabelled`, but got both; leave `background` '
                'out, and it is an object like the others.'
            )
        if self._nobody is None:
            raise ValueError(
                'Expected argument `unclaimed` to be the label of pixels that an object gave up, '
                'but got None without `background`, `unlabelled` and `ignore_index`; set one of '
                'them.'
            )

    @classmethod
    def of_map(
        cls,
        label_map: NDArray[Any],
        classes: Collection[int] | None = None,
        *,
        single: bool = False,
        **values: Any,
    ) -> LabelValues:
        """What the values of a label map mean, where `ignore_index` may be left out.

        A label that is named as a class is not ignored then; and 0 and 255 alone are a mask, if
        there is a single class, with 0 as background unless that is told.

        Args:
            label_map: Labels (H, W), integers.
            classes: Labels that are named as classes; None: none is.
            single: Whether all objects are of one class.
            **values: See the class.

        Raises:
            ValueError: If a label is named as a class and told to be ignored.
        """
        if 'ignore_index' in values:
            if classes is not None and values['ignore_index'] in classes:
                raise ValueError(
                    f'Expected the label {values["ignore_index"]} to be a class or to be ignored, '
                    'but got both; leave `ignore_index` out, or the label out of `classes`.'
                )
        elif classes is not None:
            if INSIDE in classes:
                values = {**values, 'ignore_index': None}
        elif (
            single
            and {values.get(key) for key in ('background', 'unlabelled')} <= {0, None}
            and is_mask(label_map)
        ):
            values = {**values, 'ignore_index': None}
            if values.get('unlabelled') is None:
                values['background'] = 0
        return cls(**values)

    @property
    def nobody(self) -> int:
        """Label of pixels that an object gave up and no other one claims."""
        assert self._nobody is not None
        return self._nobody

    @property
    def _nobody(self) -> int | None:
        known = (self.unclaimed, self.background, self.unlabelled, self.ignore_index)
        return next((value for value in known if value is not None), None)

    @property
    def without(self) -> set[int]:
        """Labels that are no objects."""
        values = (self.background, self.unlabelled, self.ignore_index)
        return {value for value in values if value is not None}

    def check_fit(self, dtype: np.dtype) -> None:
        """Refuse labels that a type of integers does not hold.

        Raises:
            ValueError: If one does not fit.
        """
        info = np.iinfo(dtype)
        for name, value in (
            ('unclaimed', self.nobody),
            ('background', self.background),
            ('unlabelled', self.unlabelled),
        ):
            if value is not None and not info.min <= value <= info.max:
                raise ValueError(
                    f'Expected argument `{name}` to fit the type of `label_map`, {dtype}, '
                    f'but got {value}; convert `label_map` to a wider type.'
                )
