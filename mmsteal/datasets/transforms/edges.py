"""Make boundary labels from label maps, after augmentation."""

from __future__ import annotations

import warnings

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmsteal.functional.edge_maps.edges import label_map_to_edges, union_edges
from mmsteal.functional.edge_maps.thin import thin

# So many images without an edge in a row are no chance.
_MANY = 100


@TRANSFORMS.register_module()
class GenerateEdges(BaseTransform):
    """Make one edge map per class from the label map.

    Put it after all geometric transforms: edges are then exactly as thick as `radius` says,
    whatever the image was scaled by.

    Required keys: `gt_seg_map`; `gt_instance_map` if instance-sensitive. Added key:
    `gt_edge_map` (K, H, W) uint8 with 1 on an edge, 255 where the label is ignored. Without
    `gt_seg_map`, as at inference, the results come back as they are.

    Args:
        radius (float): Half thickness of the edges in px; see
            :func:`mmsteal.functional.label_map_to_edges`.
        instance_sensitive (bool): Also the edges between two instances of one class.
        thin (bool): Thin the edges to a center line.
        class_agnostic (bool): One map with the edges of all classes, (1, H, W), for a head with
            `num_classes=1`; see :func:`mmsteal.functional.union_edges`.
        num_classes (int | None): Number of classes K. None: as the dataset says (mmsteal's
            datasets do).
        background (int | None): Label of pixels of no class, for datasets of mmseg that have
            one. mmsteal's datasets use K.
        ignore_index (int): Label of ignored pixels.

    Raises:
        KeyError: If instances are wanted and there are none, or nobody says how many classes.
    """

    def __init__(
        self,
        radius: float = 2.0,
        *,
        instance_sensitive: bool = False,
        thin: bool = False,
        class_agnostic: bool = False,
        num_classes: int | None = None,
        background: int | None = None,
        ignore_index: int = 255,
    ) -> None:
        self.radius = radius
        self.instance_sensitive = instance_sensitive
        self.thin = thin
        self.class_agnostic = class_agnostic
        self.num_classes = num_classes
        self.background = background
        self.ignore_index = ignore_index
        # Images without an edge up to the first one that has some, and what they hold.
        self._num_without: int | None = 0
        self._values: set[int] = set()

    def transform(self, results: dict) -> dict:
        """Add `gt_edge_map`; see the class."""
        if 'gt_seg_map' not in results:
            return results
        num_classes = self.num_classes or results.get('num_classes')
        if num_classes is None:
            raise KeyError(
                'Expected GenerateEdges to know the number of classes; with a dataset that is not '
                "one of mmsteal's, set it: dict(type='GenerateEdges', num_classes=...)."
            )
        instances = None
        if self.instance_sensitive:
            instances = results.get('gt_instance_map')
            if instances is None:
                raise KeyError(
                    f'Expected instance ids for {results.get("img_path")}, but the pipeline '
                    'loaded none; give the dataset `data_prefix=dict(instance_map_path=...)` or '
                    'set GenerateEdges(instance_sensitive=False).'
                )
        background = self.background
        if background is None and self.num_classes is None:
            background = num_classes
        edges = label_map_to_edges(
            results['gt_seg_map'],
            num_classes,
            radius=self.radius,
            instance_map=instances,
            background=background,
            ignore_index=self.ignore_index,
            # Lines side by side would unite to a wider one: unite first, then thin.
            thin=self.thin and not self.class_agnostic,
        )
        if self.class_agnostic:
            edges = union_edges(edges)
            if self.thin:
                edges[(edges == 1) & ~thin(edges == 1)] = 0
        results['gt_edge_map'] = edges
        self._count(results['gt_seg_map'], edges)
        return results

    def _count(self, labels: np.ndarray, edges: np.ndarray) -> None:
        """Warn once where the first images have no edge at all."""
        if self._num_without is None:
            return
        if (edges == 1).any():
            self._num_without = None
            return
        self._num_without += 1
        self._values.update(np.unique(labels).tolist())
        if self._num_without == _MANY:
            warnings.warn(
                f'None of the first {_MANY} label maps has an edge: they hold the values '
                f'{sorted(self._values)[:12]}, with background {self.background} and ignore_index '
                f'{self.ignore_index} of {type(self).__name__}. A training learns nothing from '
                'them; say what the values are.',
                stacklevel=2,
            )
            self._num_without = None

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(radius={self.radius}, '
            f'instance_sensitive={self.instance_sensitive}, thin={self.thin}, '
            f'class_agnostic={self.class_agnostic}, num_classes={self.num_classes}, '
            f'background={self.background})'
        )
