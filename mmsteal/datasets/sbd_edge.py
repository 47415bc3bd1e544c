"""The Semantic Boundaries Dataset in its released layout."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from mmseg.registry import DATASETS

from mmsteal.datasets.edge_dataset import EdgeDataset
from mmsteal.label_formats.voc_labels import VOC_CLASSES, voc_palette


@DATASETS.register_module()
class SBDEdgeDataset(EdgeDataset):
    """SBD (Hariharan et al. 2011): `img/*.jpg`, `cls/*.mat`, `inst/*.mat`, `train.txt`, `val.txt`.

    The .mat files are read as released, by :class:`LoadSBDAnnotations`. Background is a region of
    its own, not ignore: the outline of every object is an edge.

    Args:
        hold_out (int): Number of images of the list to set aside, drawn with a fixed seed. STEAL
            (section 4.1) trains on 8398 of the 8498 training images and monitors on the other
            100: use `hold_out=100` with `part='rest'` for one and `part='held_out'` for the
            other.
        part (str): Which of the two to load.
        hold_out_seed (int): Seed of the draw.
        **kwargs: See :class:`EdgeDataset`.
    """

    METAINFO: ClassVar[dict] = dict(
        classes=VOC_CLASSES,
        palette=voc_palette()[1 : len(VOC_CLASSES) + 1].tolist(),
    )

    def __init__(
        self,
        *,
        hold_out: int = 0,
        part: Literal['rest', 'held_out'] = 'rest',
        hold_out_seed: int = 0,
        **kwargs,
    ) -> None:
        if part not in ('rest', 'held_out'):
            raise ValueError(
                f"Expected argument `part` to be 'rest' or 'held_out', but got {part!r}."
            )
        self.hold_out, self.part, self.hold_out_seed = hold_out, part, hold_out_seed
        kwargs.setdefault(
            'data_prefix', dict(img_path='img', seg_map_path='cls', instance_map_path='inst')
        )
        super().__init__(
            img_suffix='.jpg',
            seg_map_suffix='.mat',
            instance_map_suffix='.mat',
            label_values=range(1, len(VOC_CLASSES) + 1),
            background=0,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the images of the chosen part; see :class:`EdgeDataset`."""
        data = super().load_data_list()
        if not self.hold_out:
            return data
        if not 0 < self.hold_out < len(data):
            raise ValueError(
                f'Expected argument `hold_out` to be between 0 and the {len(data)} images of '
                f'{self.ann_file}, but got {self.hold_out}.'
            )
        order = np.random.default_rng(self.hold_out_seed).permutation(len(data))
        chosen = order[: self.hold_out] if self.part == 'held_out' else order[self.hold_out :]
        return [data[i] for i in sorted(chosen)]
