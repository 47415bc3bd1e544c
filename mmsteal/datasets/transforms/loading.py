"""Load label maps and instance maps, checked, in the values that training uses."""

from __future__ import annotations

from abc import abstractmethod
from io import BytesIO
from typing import Literal

import mmcv
import mmengine.fileio as fileio
import numpy as np
import scipy.io
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmsteal.datasets.edge_dataset import lookup_table
from mmsteal.functional.thin import thin


class _LoadLabels(BaseTransform):
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
        labels = _check_size(self._load(self._read_labels, path), path, results)
        results['gt_seg_map'] = _map_values(labels, results.get('value_map'), path)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        path = results.get('instance_map_path')
        if path is not None:
            instances = _check_size(self._load(self._read_instances, path), path, results)
            results['gt_instance_map'] = _compact_ids(instances)
            results['seg_fields'].append('gt_instance_map')
        return results

    def _load(self, read, path: str) -> np.ndarray:
        try:
            return read(fileio.get(path, backend_args=self.backend_args))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f'Cannot read the label file {path}: {type(error).__name__}: {error}. Restore the '
                'file or leave its image out of the list.'
            ) from error

    @abstractmethod
    def _read_labels(self, content: bytes) -> np.ndarray:
        """Label map (H, W) of a file."""

    @abstractmethod
    def _read_instances(self, content: bytes) -> np.ndarray:
        """Instance ids (H, W) of a file."""


@TRANSFORMS.register_module()
class LoadEdgeAnnotations(_LoadLabels):
    """Load a label PNG and, where the dataset names one, an instance PNG.

    Required keys: `seg_map_path`, `value_map`, optionally `instance_map_path` (as
    :class:`EdgeDataset` gives them). Added keys: `gt_seg_map` (H, W) uint8 with 0..K-1 for
    classes, K for background, 255 for ignore; `gt_instance_map` (H, W) uint16.

    Raises:
        ValueError: If a file is unreadable, of another size than the image, or holds a value
            that the dataset does not know; the message names the file.
    """

    def _read_labels(self, content: bytes) -> np.ndarray:
        image = mmcv.imfrombytes(content, flag='unchanged', backend='pillow')
        if image is None or image.ndim != 2:
            raise ValueError(
                'expected a label map with one channel (grey or palette PNG), but got '
                f'{"no image" if image is None else f"shape {image.shape}"}'
            )
        return image

    _read_instances = _read_labels


@TRANSFORMS.register_module()
class LoadSBDAnnotations(_LoadLabels):
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
            read, key = {
                'cls': (self._read_class_boundaries, 'seg_map_path'),
                'inst': (self._read_instance_boundaries, 'instance_map_path'),
            }[self.boundaries]
            results['gt_boundary_map'] = self._load(read, results[key])
        return results

    def _read_labels(self, content: bytes) -> np.ndarray:
        return _mat_struct(content, 'GTcls')['Segmentation'][0, 0]

    def _read_instances(self, content: bytes) -> np.ndarray:
        return _mat_struct(content, 'GTinst')['Segmentation'][0, 0]

    def _read_class_boundaries(self, content: bytes) -> np.ndarray:
        stored = _mat_struct(content, 'GTcls')['Boundaries'][0, 0].ravel()
        return np.stack([_dense(b) for b in stored])

    def _read_instance_boundaries(self, content: bytes) -> np.ndarray:
        struct = _mat_struct(content, 'GTinst')
        stored = struct['Boundaries'][0, 0].ravel()
        union = np.zeros((20, *struct['Segmentation'][0, 0].shape), np.uint8)
        for boundary, category in zip(stored, struct['Categories'][0, 0].ravel(), strict=True):
            union[int(category) - 1] |= _dense(boundary)
        return thin(union).astype(np.uint8)


def _mat_struct(content: bytes, key: str) -> np.ndarray:
    mat = scipy.io.loadmat(BytesIO(content))
    if key not in mat:
        raise ValueError(f'expected the variable `{key}`, but found {sorted(mat)}')
    return mat[key]


def _dense(boundary) -> np.ndarray:
    array = boundary.toarray() if hasattr(boundary, 'toarray') else np.asarray(boundary)
    return (array > 0).astype(np.uint8)


def _check_size(labels: np.ndarray, path: str, results: dict) -> np.ndarray:
    size = results.get('ori_shape')
    if size is not None and tuple(labels.shape) != tuple(size[:2]):
        raise ValueError(
            f'Expected the label file {path} to have the size of its image '
            f'{results.get("img_path")}, {tuple(size[:2])}, but got {tuple(labels.shape)} '
            '(height, width).'
        )
    return labels


def _map_values(labels: np.ndarray, value_map: dict | None, path: str) -> np.ndarray:
    if value_map is None:
        return labels.astype(np.uint8)
    if labels.dtype not in (np.uint8, np.uint16):
        # Other integer types, -1 for void among them: values that cannot index a table of 2^16
        # become one that no dataset uses, and then an error or `other_values`.
        labels = np.where((labels >= 0) & (labels < 65535), labels, 65535).astype(np.uint16)
    table = lookup_table(value_map, 256 if labels.dtype == np.uint8 else 65536)
    mapped = table[labels]
    if mapped.min() < 0:
        unknown = np.unique(labels[mapped < 0])
        raise ValueError(
            f'Expected the label file {path} to hold the values '
            f'{sorted(v for v in value_map if v >= 0)}, but it also holds {unknown[:10].tolist()}; '
            'mend the file, or set `label_values`, `background`, `ignore_values` or '
            '`other_values` of the dataset.'
        )
    return mapped.astype(np.uint8)


def _compact_ids(instances: np.ndarray) -> np.ndarray:
    """Ids as uint16, which every geometric transform of mmcv can handle."""
    if instances.dtype == np.uint8 or (instances.min() >= 0 and instances.max() < 65536):
        return instances.astype(np.uint16)
    _, compact = np.unique(instances, return_inverse=True)
    return compact.reshape(instances.shape).astype(np.uint16)
