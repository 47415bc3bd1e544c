"""Images of disks whose labels are drawn too small, and a model that sees the disks."""

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image
from torch import nn

from mmsteal.datasets import EdgeDataset
from mmsteal.engine.alignment import DatasetAligner, RoundSettings
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.functional import AlignOptions, mask_edges

SIZE = (48, 64)
RADIUS, DRAWN = 13, 10
GREY = {0: 40, 1: 120, 2: 200}
STEPS = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadEdgeAnnotations'),
    dict(type='GenerateEdges', radius=1, instance_sensitive=True),
    dict(type='PackEdgeInputs'),
]
ALIGN = AlignOptions(num_iters=8, stop_evidence=0.3, max_displacement_px=8)


def disks(radius):
    """Label map with a disk of value 1 and one of value 2."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    labels = np.zeros(SIZE, np.uint8)
    for value, column in ((1, 16), (2, 47)):
        labels[np.hypot(y - 24, x - column) < radius] = value
    return labels


def write_disks(root, number=5, folders=('images', 'labels', 'instances')):
    """Images of the true disks, labels and instances of the small ones."""
    for folder in folders:
        (root / folder).mkdir(parents=True)
    grey = np.array([GREY[v] for v in range(3)], np.uint8)
    for index in range(number):
        rng = np.random.default_rng(index)
        image = grey[disks(RADIUS)][..., None].repeat(3, axis=-1)
        image = image + rng.integers(0, 9, (*SIZE, 3), dtype=np.uint8)
        labels = disks(DRAWN)
        labels[:4] = 255
        Image.fromarray(image).save(root / f'images/{index}.png')
        Image.fromarray(labels).save(root / f'labels/{index}.png')
        Image.fromarray(labels.astype(np.uint16) * 300).save(root / f'instances/{index}.png')
    return root


def disk_dataset(root, steps=STEPS, **kwargs):
    options = dict(
        data_root=str(root),
        data_prefix=dict(
            img_path='images', seg_map_path='labels', instance_map_path='instances'
        ),
        metainfo=dict(classes=('left', 'right'), palette=[[255, 0, 0], [0, 0, 255]]),
        background=0,
        pipeline=[dict(step) for step in steps],
    )  # fmt: skip
    return EdgeDataset(**{**options, **kwargs})


class DiskModel(nn.Module):
    """Predicts an edge where the grey of a disk changes; counts its calls."""

    def __init__(self, level=0.9):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))
        self.calls = 0
        self.fail_at = None
        self.values = {}

    def test_step(self, data):
        self.calls += 1
        if self.calls == self.fail_at:
            raise RuntimeError('the model broke')
        grey = data['inputs'][0][0].float()
        prob = torch.full((2, *grey.shape), 0.02)
        for k in range(2):
            inside = (grey - GREY[k + 1] - 4).abs() < 20
            prob[k][mask_edges(inside, 1) > 0] = float(self.level.detach())
        prob = prob * self.values.get(self.calls, 1.0)
        sample = SegDataSample()
        sample.set_data(dict(pred_edge_map=PixelData(data=prob)))
        return [sample]


def make_aligner(root, dataset, options=ALIGN, start='given', **kwargs):
    rule = LabelRule.of_pipeline(dataset.pipeline.transforms, len(dataset.metainfo['classes']))
    return DatasetAligner(
        dataset,
        [dict(type='LoadImageFromFile'), dict(type='PackEdgeInputs')],
        RoundSettings(rule, options, start),
        str(root / 'aligned_labels'),
        logger=MMLogger.get_instance('align_test'),
        **kwargs,
    )


def iou(a, b):
    return (a & b).sum() / (a | b).sum()
