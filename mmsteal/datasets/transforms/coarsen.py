"""Labels with a stated error, for experiments with noise."""

from __future__ import annotations

import os.path as osp
import zlib
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from mmsteal.functional.labels.coarse_labels import (
    simulate_coarse_label_map,
    simulate_coarse_objects,
)
from mmsteal.functional.labels.label_objects import label_objects


@TRANSFORMS.register_module()
class CoarsenLabels(BaseTransform):
    r"""Give the labels the boundary error of a coarse annotation (section 4.1; Table 4).

    Put it right after the step that loads the labels: the error is then in pixels of the original
    image. Each class, or each instance where instances are loaded, is eroded and simplified by
    :func:`mmsteal.functional.simulate_coarse_label_map`. An image has the same
    coarse labels each time. Pixels that no outline covers become background, or ignored where the
    dataset has no background.

    Aligned labels, which :class:`LevelSetAlignHook` puts in place of the given ones, pass as they
    are: it was the coarse labels that they were aligned from. Without `gt_seg_map`, as at
    inference, the results come back as they are.

    Required keys: `gt_seg_map`; used if there: `gt_instance_map`. Changed keys: the same.

    Args:
        error_px (float | Sequence[float]): Largest boundary error :math:`\delta` in px. Two
            numbers: each image has an error of its own between them.
        seed (int): Seed of the errors of the images, with their names; without effect on a single
            number.
        background (int | None): Label of pixels of no class, for datasets of mmseg that have one.
            None: K for mmsteal's datasets if they have a background, else none.
        ignore_index (int): Label of ignored pixels.

    Raises:
        ValueError: If an error is negative or not finite.
    """

    def __init__(
        self,
        error_px: float | Sequence[float],
        *,
        seed: int = 0,
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        span = tuple(error_px) if isinstance(error_px, (list, tuple)) else (error_px, error_px)
        if len(span) != 2 or not 0 <= span[0] <= span[1] < np.inf:
            raise ValueError(
                'Expected argument `error_px` to be a number of pixels, at least 0, or a smaller '
                f'and a larger one, but got {error_px!r}.'
            )
        self.span = span
        self.seed = seed
        self.background = background
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Coarsen the maps; see the class."""
        if 'gt_seg_map' not in results or results.get('labels_aligned'):
            return results
        background = self.background
        if background is None and 'value_map' in results:
            num_classes = results['num_classes']
            background = num_classes if num_classes in results['value_map'].values() else None
        labels, instances = coarsen(
            results['gt_seg_map'],
            results.get('gt_instance_map'),
            self._error_px(results.get('img_path', '')),
            background=background,
            ignore_index=self.ignore_index,
        )
        results['gt_seg_map'] = labels
        if instances is not None:
            results['gt_instance_map'] = instances
        return results

    def _error_px(self, path: str) -> float:
        low, high = self.span
        if low == high:
            return float(low)
        # By name, not by place: the same labels wherever the data lies.
        name = zlib.crc32(osp.basename(path).encode(errors='surrogateescape'))
        return float(np.random.default_rng([self.seed, name]).uniform(low, high))

    def __repr__(self) -> str:
        return f'{type(self).__name__}(error_px={self.span}, seed={self.seed})'


def coarsen(
    label_map: NDArray[np.integer],
    instance_map: NDArray[np.integer] | None,
    error_px: float,
    *,
    background: int | None,
    ignore_index: int,
) -> tuple[NDArray[np.integer], NDArray[np.integer] | None]:
    """Coarsen a label map together with its instance map.

    Args:
        label_map (NDArray): Labels (H, W).
        instance_map (NDArray | None): Instance ids (H, W).
        error_px (float): Largest boundary error.
        background (int | None): Label that is no object.
        ignore_index (int): Ignored label.

    Returns:
        tuple: Both maps. Where no instance is any more, the instance id is 0.
    """
    options = dict(background=background, ignore_index=ignore_index)
    if instance_map is None:
        return simulate_coarse_label_map(label_map, error_px, **options), None
    without = [value for value in (background, ignore_index) if value is not None]
    found = label_objects(label_map, instance_map, without=without)
    objects, _ = simulate_coarse_objects(found.object_map, error_px)
    rest = ignore_index if background is None else background
    labels = np.array([*found.values, rest]).astype(label_map.dtype)[objects]
    labels[label_map == ignore_index] = ignore_index
    ids = np.array([*found.instances, 0]).astype(instance_map.dtype)[objects]
    ids[label_map == ignore_index] = 0
    return labels, ids
