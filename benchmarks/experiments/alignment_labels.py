"""Labels of the alignment study: exact, with random errors, and aligned."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import DATASETS
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from mmsteal.datasets.transforms.image_steps import image_steps
from mmsteal.engine.alignment import align_label_map
from mmsteal.engine.alignment.dataset import predict
from mmsteal.engine.alignment.label_files import LabelFiles, LoadAlignedLabels, label_steps
from mmsteal.engine.alignment.masks import LabelRule
from mmsteal.evaluation import MeanLabelError, label_error
from mmsteal.functional import AlignOptions


def write_random_labels(data: Path, error_px: float, reach_px: float = 12.0) -> None:
    """Labels whose outlines are moved either way, by `error_px` at most.

    The field has a standard deviation of half of that, and changes over `reach_px` along the way.
    """
    if (data / 'random_labels').is_dir():
        return
    partial = data / 'random.partial'
    for file in sorted((data / 'instances/train').iterdir()):
        instances = np.asarray(Image.open(file))
        labels = np.asarray(Image.open(data / 'labels/train' / file.name))
        rng = np.random.default_rng(zlib.crc32(file.name.encode()))
        moved = np.zeros_like(instances)
        painted = []
        for number in np.unique(instances[instances > 0]):
            mask = instances == number
            field = cv2.GaussianBlur(rng.normal(size=mask.shape), (0, 0), reach_px)
            shift = error_px * np.clip((field - field.mean()) / field.std() / 2, -1, 1)
            inside = _depth(mask) - _depth(~mask) + shift > 0
            painted.append((int(inside.sum()), number, inside))
        # As coarse labels are painted: what is small stays visible.
        for _, number, inside in sorted(painted, key=lambda item: -item[0]):
            moved[inside] = number
        classes = np.zeros(instances.max() + 1, np.uint8)
        classes[instances] = labels
        for kind, array in (('labels', classes[moved]), ('instances', moved)):
            (partial / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(partial / kind / file.name)
    for kind in ('instances', 'labels'):
        (data / f'random_{kind}').mkdir(exist_ok=True)
        (partial / kind).rename(data / f'random_{kind}' / 'train')


def _depth(mask: NDArray[np.bool_]) -> NDArray:
    """Distance of each pixel of a mask to the nearest pixel outside of it."""
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


class TrainingLabels:
    """The labels of a training set as maps of objects: its instances, or else its classes.

    Pixels of no object are 0; ignored ones are -1.
    """

    def __init__(self, cfg: Config) -> None:
        self.dataset = DATASETS.build(cfg.train_dataloader.dataset)
        self.num_classes = len(self.dataset.metainfo['classes'])
        self.steps = label_steps(self.dataset.pipeline.transforms)[1]
        self.rule = LabelRule.of_pipeline(self.dataset.pipeline.transforms, self.num_classes)

    def load(self, index: int, steps: list) -> tuple[str, dict]:
        """Name of an image, and its labels after some steps."""
        info = self.dataset.get_data_info(index)
        info['ori_shape'] = Image.open(info['img_path']).size[::-1]
        for step in steps:
            info = step(info)
        return Path(info['img_path']).stem, info

    def given(self) -> Iterator[tuple[str, NDArray]]:
        """Name and objects of each image, as training is given them."""
        for index in range(len(self.dataset)):
            name, maps = self.load(index, self.steps)
            yield name, self.objects(maps['gt_seg_map'], maps.get('gt_instance_map'))

    def written(self, folder: Path) -> Iterator[tuple[str, NDArray]]:
        """The same of the labels of a round of alignment."""
        files = LabelFiles(self.dataset, instance_sensitive=self.rule.instance_sensitive)
        for index in range(len(self.dataset)):
            name, maps = self.load(index, [LoadAlignedLabels(files, str(folder))])
            yield name, self.objects(maps['gt_seg_map'], maps.get('gt_instance_map'))

    def objects(self, labels: NDArray, instances: NDArray | None) -> NDArray[np.int32]:
        """Ids of the instances, or of the classes, from 1."""
        if not self.rule.instance_sensitive or instances is None:
            instances = labels + 1
        found = np.where(labels < self.num_classes, instances, 0).astype(np.int32)
        found[labels == 255] = -1
        return found


class Predicted:
    """Predictions of a model for training images, with the labels that it was given."""

    def __init__(self, model: nn.Module, cfg: Config, number: int | None = None) -> None:
        self.labels = TrainingLabels(cfg)
        pipeline = Compose(image_steps(cfg.test_dataloader.dataset.pipeline))
        model.eval()
        self.images = []
        for index in range(len(self.labels.dataset))[:number]:
            name, maps = self.labels.load(index, self.labels.steps)
            self.images.append((name, predict(model, pipeline, maps['img_path']).half(), maps))

    def given(self) -> Iterator[tuple[str, NDArray]]:
        """Name and given objects of each image."""
        for name, _, maps in self.images:
            yield name, self.labels.objects(maps['gt_seg_map'], maps.get('gt_instance_map'))

    def aligned(self, options: dict) -> Iterator[tuple[str, NDArray]]:
        """Name and aligned objects of each image."""
        for name, prob, maps in self.images:
            labels, instances, _ = align_label_map(
                maps['gt_seg_map'],
                prob.float(),
                self.labels.rule,
                AlignOptions(**options),
                instance_map=maps.get('gt_instance_map'),
            )
            yield name, self.labels.objects(labels, instances)


def error_of(exact: TrainingLabels, labels: Iterable[tuple[str, NDArray]]) -> MeanLabelError:
    """Compare labels with the exact ones: of all images of the set, or of the first ones.

    Raises:
        ValueError: If an image is not the one of the exact labels.
    """

    def pairs() -> Iterator[tuple[NDArray, NDArray]]:
        truths = exact.given()
        for name, objects in labels:
            expected, truth = next(truths, (None, None))
            if name != expected:
                raise ValueError(
                    f'Expected the labels of {expected} next, in the order of the exact ones, but '
                    f'got those of {name}; both must be of the same images.'
                )
            yield truth, objects

    return label_error(pairs())
