"""Cityscapes in its released layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmsteal.datasets.edge_dataset import EdgeDataset

# Label id of each of the 19 evaluation classes, in their order (cityscapesScripts, labels.py).
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


@DATASETS.register_module()
class CityscapesEdgeDataset(EdgeDataset):
    """Cityscapes: leftImg8bit images, gtFine or gtCoarse labels, train ids mapped on the fly.

    No conversion is needed: `*_labelIds.png` are read as released, void classes become ignore.
    `metainfo=dict(classes=('car', 'person'))` selects classes; the others become background.

    Args:
        annotation (str): `'gtFine'` or `'gtCoarse'`.
        label_format (str): `'labelIds'` (as released) or `'labelTrainIds'` (as made by
            cityscapesScripts).
        metainfo (dict | None): `classes` to keep; None keeps the 19.
        **kwargs: See :class:`EdgeDataset`. `data_prefix` has `img_path='leftImg8bit/train'`,
            `seg_map_path='gtFine/train'` and, for instance-sensitive edges,
            `instance_map_path='gtFine/train'`.

    Raises:
        ValueError: If a class is not one of the 19.
    """

    METAINFO = CityscapesDataset.METAINFO

    def __init__(
        self,
        *,
        annotation: Literal['gtFine', 'gtCoarse'] = 'gtFine',
        label_format: Literal['labelIds', 'labelTrainIds'] = 'labelIds',
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        names: Sequence[str] = self.METAINFO['classes']
        if label_format not in ('labelIds', 'labelTrainIds'):
            raise ValueError(
                "Expected argument `label_format` to be 'labelIds' or 'labelTrainIds', but got "
                f'{label_format!r}.'
            )
        values = dict(
            zip(names, LABEL_IDS if label_format == 'labelIds' else range(19), strict=True)
        )
        selected = tuple((metainfo or {}).get('classes', names))
        unknown = [name for name in selected if name not in values]
        if unknown:
            raise ValueError(
                f'Expected `classes` out of {tuple(names)}, but got the unknown {unknown}.'
            )
        palette = dict(zip(names, self.METAINFO['palette'], strict=True))
        super().__init__(
            metainfo=dict(
                metainfo or {}, classes=selected, palette=[palette[name] for name in selected]
            ),
            img_suffix='_leftImg8bit.png',
            seg_map_suffix=f'_{annotation}_{label_format}.png',
            instance_map_suffix=f'_{annotation}_instanceIds.png',
            label_values=[values[name] for name in selected],
            # Classes that are left out are no class, but they are not unknown either.
            background=[values[name] for name in names if name not in selected],
            other_values='ignore',
            **kwargs,
        )
