"""Load label maps and instance maps, checked, in the values that training uses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Literal

import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmsteal.label_formats.image_files import TURNED
from mmsteal.label_formats.label_files import compact_ids, decode_png, read_label_file
from mmsteal.label_formats.sbd_mat import segmentation, stored_boundaries
from mmsteal.label_formats.value_map import map_labels


class LoadLabels(BaseTransform):
    """Base of the loaders: read, check, map the values; a subclass knows the file format."""

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add `gt_seg_map` (H, W) and, where there is a file, `gt_instance_map` (H, W) uint16.

        Without `seg_map_path`, as at inference, the results come back as they are.
        """
        path = results.get('seg_map_path')
        if path is None:
            return results
        labels = _check_size(self.read_values(path), path, results)
        value_map = results.get('value_map')
        if value_map is not None:
            labels = map_labels(labels, value_map, path)
        results['gt_seg_map'] = labels.astype(np.uint8, copy=False)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        path = results.get('instance_map_path')
        if path is not None:
            instances = _check_size(self.read_instances(path), path, results)
            results['gt_instance_map'] = compact_ids(instances)
            results['seg_fields'].append('gt_instance_map')
        return results

    def read_values(self, path: str) -> np.ndarray:
        """Label map (H, W) of a file, in the values of the file."""
        return self._load(path, self._decode_labels)

    def read_instances(self, path: str) -> np.ndarray:
        """Instance ids (H, W) of a file."""
        return self._load(path, self._decode_instances)

    def _load(self, path: str, decode: Callable[[bytes], np.ndarray]) -> np.ndarray:
        fetch = partial(fileio.get, backend_args=self.backend_args)
        return read_label_file(path, decode, fetch=fetch)

    @abstractmethod
    def _decode_labels(self, content: bytes) -> np.ndarray:
        """Label map (H, W) of a file."""

    @abstractmethod
    def _decode_instances(self, content: bytes) -> np.ndarray:
        """Instance ids (H, W) of a file."""


@TRANSFORMS.register_module()
class LoadEdgeAnnotations(LoadLabels):
    """Load a label PNG and, where the dataset names one, an instance PNG.

    Required keys: `seg_map_path`, `value_map`, optionally `instance_map_path` (as
    :class:`EdgeDataset` gives them). Added keys: `gt_seg_map` (H, W) uint8 with 0..K-1 for
    classes, K for background, 255 for ignore; `gt_instance_map` (H, W) uint16.

    Raises:
        ValueError: If a file is unreadable, of another size than the image, or holds a value
            that the dataset does not know; the message names the file.
    """

    _decode_labels = staticmethod(decode_png)
    _decode_instances = staticmethod(decode_png)


@TRANSFORMS.register_module()
class LoadSBDAnnotations(LoadLabels):
    """Load the .mat files of SBD: `GTcls` and, where the dataset names it, `GTinst`.

    Args:
        boundaries (str | None): Also load the boundaries stored in the files as
            `gt_boundary_map` (K, H, W) uint8, the ground truth of the published evaluations:
            `'cls'` as stored per class, `'inst'` the union of the class's instance boundaries,
            thinned. Not transformed with the image: for evaluation only.
        backend_args (dict | None): File backend.

    Raises:
        ValueError: As :class:`LoadEdgeAnnotations`.
    """

    def __init__(
        self, boundaries: Literal['cls', 'inst'] | None = None, backend_args: dict | None = None
    ) -> None:
        super().__init__(backend_args)
        if boundaries not in (None, 'cls', 'inst'):
            raise ValueError(
                f"Expected argument `boundaries` to be 'cls', 'inst' or None, but got "
                f'{boundaries!r}.'
            )
        self.boundaries = boundaries

    def transform(self, results: dict) -> dict:
        """Add the maps; see the class."""
        results = super().transform(results)
        if self.boundaries and 'gt_seg_map' in results:
            key = 'seg_map_path' if self.boundaries == 'cls' else 'instance_map_path'
            decode = partial(stored_boundaries, kind=self.boundaries)
            results['gt_boundary_map'] = self._load(results[key], decode)
        return results

    _decode_labels = staticmethod(partial(segmentation, kind='cls'))
    _decode_instances = staticmethod(partial(segmentation, kind='inst'))


def _check_size(labels: np.ndarray, path: str, results: dict) -> np.ndarray:
    size = results.get('ori_shape')
    if size is not None and tuple(labels.shape) != tuple(size[:2]):
        turned = TURNED if labels.shape == (size[1], size[0]) else ''
        raise ValueError(
            f'Expected the label file {path} to have the size of its image '
            f'{results.get("img_path")}, {tuple(size[:2])}, but got {tuple(labels.shape)} '
            f'(height, width){turned}.'
        )
    return labels
