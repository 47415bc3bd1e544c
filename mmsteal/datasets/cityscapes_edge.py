"""Cityscapes in its released layout."""

from __future__ import annotations

from typing import ClassVar, Literal

from mmseg.registry import DATASETS

from mmsteal.datasets.edge_dataset import EdgeDataset
from mmsteal.label_formats.cityscapes_labels import CITYSCAPES_CLASSES, VOID_IDS


@DATASETS.register_module()
class CityscapesEdgeDataset(EdgeDataset):
    """Cityscapes: leftImg8bit images, gtFine or gtCoarse labels, train ids mapped on the fly.

    No conversion is needed: `*_labelIds.png` are read as released.
    `metainfo=dict(classes=('car', 'person'))` selects classes; the others become background.

    Args:
        annotation (str): `'gtFine'` or `'gtCoarse'`.
        label_format (str): `'labelIds'` (as released) or `'labelTrainIds'` (as made by
            cityscapesScripts).
        void (str | None): What pixels of no evaluation class are. `'background'`, the rule of the
            published boundaries: they are known not to be of a class, so the border between a car
            and a void pole is an edge of the car; only the rectification border and "out of roi"
            are ignored. `'ignore'`: no edges against void. None: `'background'` for fine label
            ids; `'ignore'` for coarse ones, where most of void was not annotated, and for train
            ids, which do not tell the two apart.
        metainfo (dict | None): `classes` to keep; None keeps the 19.
        **kwargs: See :class:`EdgeDataset`. `data_prefix` has `img_path='leftImg8bit/train'`,
            `seg_map_path='gtFine/train'` and, for instance-sensitive edges,
            `instance_map_path='gtFine/train'`.

    Raises:
        ValueError: If a class is not one of the 19, or `void` does not fit the label format.
    """

    METAINFO: ClassVar[dict] = dict(
        classes=tuple(label.name for label in CITYSCAPES_CLASSES),
        palette=[list(label.color) for label in CITYSCAPES_CLASSES],
    )

    def __init__(
        self,
        *,
        annotation: Literal['gtFine', 'gtCoarse'] = 'gtFine',
        label_format: Literal['labelIds', 'labelTrainIds'] = 'labelIds',
        void: Literal['background', 'ignore'] | None = None,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if label_format not in ('labelIds', 'labelTrainIds'):
            raise ValueError(
                "Expected argument `label_format` to be 'labelIds' or 'labelTrainIds', but got "
                f'{label_format!r}.'
            )
        released_fine = label_format == 'labelIds' and annotation == 'gtFine'
        void = void or ('background' if released_fine else 'ignore')
        if void not in ('background', 'ignore') or (
            void == 'background' and label_format != 'labelIds'
        ):
            raise ValueError(
                "Expected argument `void` to be 'ignore', or 'background' with "
                f"label_format='labelIds', but got {void!r} with {label_format!r}."
            )
        values = {
            label.name: label.id if label_format == 'labelIds' else label.train_id
            for label in CITYSCAPES_CLASSES
        }
        selected = tuple((metainfo or {}).get('classes', values))
        unknown = [name for name in selected if name not in values]
        if unknown:
            raise ValueError(
                f'Expected `classes` out of {tuple(values)}, but got the unknown {unknown}.'
            )
        palette = dict(zip(values, self.METAINFO['palette'], strict=True))
        super().__init__(
            metainfo=dict(
                metainfo or {}, classes=selected, palette=[palette[name] for name in selected]
            ),
            img_suffix='_leftImg8bit.png',
            seg_map_suffix=f'_{annotation}_{label_format}.png',
            instance_map_suffix=f'_{annotation}_instanceIds.png',
            label_values=[values[name] for name in selected],
            # Classes that are left out are no class, but they are not unknown either.
            background=[
                *(value for name, value in values.items() if name not in selected),
                *(VOID_IDS if void == 'background' else ()),
            ],
            other_values='ignore',
            **kwargs,
        )
