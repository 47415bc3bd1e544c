"""Objects of other images, pasted: their outlines are exact by construction."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray


@TRANSFORMS.register_module()
class CopyPasteObjects(BaseTransform):
    """Paste objects of other images of the set (Ghiasi et al., CVPR 2021).

    Drawn outlines are a few pixels off; the outline of a pasted object is where it was cut. For
    sets with instance maps, inside :class:`mmseg.datasets.MultiImageMixDataset`, which brings the
    other images. An object counts if it does not touch the border of its image, where it may be
    cut off. It is scaled, mirrored by chance, blended over `blend_px` and becomes a new instance.

    Required keys: `img`, `gt_seg_map`, `gt_instance_map`, and `mix_results`, samples with the
    same. Changed keys: the three maps.

    Args:
        max_objects (int): Objects to paste at most; how many is drawn evenly from 0 on.
        num_sources (int): Other images to take them from.
        scale_range (tuple[float, float]): Smallest and largest factor of their size.
        area_range (tuple[float, float]): Smallest and largest area of an object, as a fraction of
            its image.
        blend_px (float): Standard deviation of the blending, px: a hard cut would be easier to
            find than any real outline.

    Raises:
        ValueError: If a range or a number is not in order.
        KeyError: If a sample has no instance map.
    """

    def __init__(
        self,
        max_objects: int = 3,
        *,
        num_sources: int = 1,
        scale_range: tuple[float, float] = (0.5, 1.5),
        area_range: tuple[float, float] = (0.004, 0.4),
        blend_px: float = 0.7,
    ) -> None:
        if max_objects < 1 or num_sources < 1:
            raise ValueError(
                'Expected arguments `max_objects` and `num_sources` to be at least 1, but got '
                f'{max_objects} and {num_sources}.'
            )
        for name, (low, high) in (('scale_range', scale_range), ('area_range', area_range)):
            if not 0 < low <= high < np.inf:
                raise ValueError(
                    f'Expected argument `{name}` to be two positive numbers, the smaller first, '
                    f'but got {(low, high)}.'
                )
        if not 0 <= blend_px < np.inf:
            raise ValueError(f'Expected argument `blend_px` to be >= 0, but got {blend_px}.')
        self.max_objects = max_objects
        self.num_sources = num_sources
        self.scale_range = tuple(scale_range)
        self.area_range = tuple(area_range)
        self.blend_px = blend_px

    def get_indices(self, dataset) -> list[int]:
        """Draw the images to take objects from."""
        return [int(i) for i in _random().randint(0, len(dataset), self.num_sources)]

    def transform(self, results: dict) -> dict:
        """Paste; see the class."""
        for sample in (results, *results['mix_results']):
            if 'gt_instance_map' not in sample:
                raise KeyError(
                    f'Expected instance ids for {sample.get("img_path")}, but the pipeline loaded '
                    'none; give the dataset `data_prefix=dict(instance_map_path=...)`.'
                )
        found = [
            (source, instance)
            for source in results['mix_results']
            for instance in self._whole_objects(source['gt_instance_map'])
        ]
        count = min(_random().randint(self.max_objects + 1), len(found))
        for index in _random().permutation(len(found))[:count]:
            self._paste(results, *found[index])
        return results

    def _whole_objects(self, instances: NDArray[np.integer]) -> list[int]:
        """Ids of the objects of the right size that do not touch the border."""
        ids, counts = np.unique(instances, return_counts=True)
        low, high = (share * instances.size for share in self.area_range)
        border = [instances[0], instances[-1], instances[:, 0], instances[:, -1]]
        cut_off = set(np.unique(np.concatenate(border)).tolist())
        return [
            int(i)
            for i, n in zip(ids, counts, strict=True)
            if i > 0 and low <= n <= high and i not in cut_off
        ]

    def _paste(self, results: dict, source: dict, instance: int) -> None:
        mask = (source['gt_instance_map'] == instance).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        pad = 4  # what is blended comes from around the object
        rows = slice(max(y - pad, 0), y + height + pad)
        columns = slice(max(x - pad, 0), x + width + pad)
        mask, image = mask[rows, columns], source['img'][rows, columns]
        labels = source['gt_seg_map'][rows, columns]
        label = np.bincount(labels[mask > 0]).argmax()
        target_height, target_width = results['gt_seg_map'].shape
        scale = np.exp(_random().uniform(*np.log(self.scale_range)))
        scale = min(scale, target_height / mask.shape[0], target_width / mask.shape[1])
        size = tuple(max(int(side * scale), 1) for side in mask.shape[::-1])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, size, interpolation=way)
        alpha = cv2.resize(mask.astype(np.float32), size, interpolation=way)
        if _random().randint(2):
            image, alpha = image[:, ::-1], alpha[:, ::-1]
        top = _random().randint(target_height - size[1] + 1)
        left = _random().randint(target_width - size[0] + 1)
        place = (slice(top, top + size[1]), slice(left, left + size[0]))
        inside = alpha >= 0.5
        if self.blend_px:
            alpha = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), self.blend_px)
        alpha = alpha[..., None]
        # The images of the samples may be those of a cache.
        for key in ('img', 'gt_seg_map', 'gt_instance_map'):
            results[key] = results[key].copy()
        below = results['img'][place].astype(np.float32)
        blended = alpha * image + (1 - alpha) * below
        results['img'][place] = np.rint(blended).astype(results['img'].dtype)
        results['gt_seg_map'][place][inside] = label
        instances = results['gt_instance_map']
        instances[place][inside] = instances.max() + 1

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(max_objects={self.max_objects}, '
            f'num_sources={self.num_sources}, scale_range={self.scale_range}, '
            f'area_range={self.area_range}, blend_px={self.blend_px})'
        )


def _random():
    # The generator that the samplers of mmsteal seed for every draw.
    return np.random.mtrand._rand
