"""Images with exact labels, drawn again as an annotator in a hurry would, and their scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from numpy.typing import NDArray

from mmsteal.functional import label_objects, simulate_coarse_objects
from mmsteal.functional.labels.label_objects import LabelObjects

IGNORED = 255


@dataclass(frozen=True)
class Scene:
    """An image of the set with its exact labels.

    Attributes:
        name: Of the image, in its folder, without suffix.
        image: RGB (H, W, 3) uint8.
        labels: Exact labels (H, W): 0..K-1, K where there is no object, 255 where nobody knows.
        instances: Instance ids (H, W), or None.
        num_classes: K, of the set; edge maps may be fewer.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray | None
    num_classes: int

    @property
    def frozen(self) -> NDArray[np.bool_]:
        """Pixels (H, W) that are left alone."""
        return self.labels == IGNORED

    def exact(self) -> LabelObjects:
        """The objects as they are: instances, or else the classes."""
        return label_objects(self.labels, self.instances, without=(self.num_classes, IGNORED))

    def coarsened(self, error_px: float) -> tuple[LabelObjects, int]:
        """The objects as they are labelled in a hurry, and the clicks that it took.

        Objects are instances, or without any the connected components of the classes.
        """
        exact = self.exact()
        coarse, clicks = simulate_coarse_objects(exact.object_map, error_px)
        coarse[self.frozen] = -1
        if self.instances is not None:
            return LabelObjects(coarse, exact.values, exact.instances), sum(clicks)
        without = (self.num_classes, IGNORED)
        labels = np.array([*exact.values, self.num_classes])[coarse]
        return label_objects(labels, without=without, components=True), sum(clicks)


class Scenes(NamedTuple):
    """The images of a set, its classes, and whether pixels of none of them are background."""

    scenes: list[Scene]
    classes: tuple[str, ...]
    background: bool


def load_scenes(cfg: Config, max_images: int | None = None) -> Scenes:
    """Read the validation images of a config, and their exact labels."""
    init_default_scope('mmseg')
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    classes = tuple(dataset.metainfo['classes'])
    loaders = [step for step in dataset.pipeline.transforms if 'Annotations' in type(step).__name__]
    folder = Path(dataset.data_prefix['img_path'])
    scenes = []
    for index in range(min(len(dataset), max_images or len(dataset))):
        info = dataset.get_data_info(index)
        image = cv2.cvtColor(cv2.imread(info['img_path']), cv2.COLOR_BGR2RGB)
        info['ori_shape'] = image.shape[:2]
        for loader in loaders:
            info = loader(info)
        name = Path(info['img_path']).relative_to(folder).with_suffix('').as_posix()
        instances = info.get('gt_instance_map')
        scenes.append(Scene(name, image, info['gt_seg_map'], instances, len(classes)))
    background = any((scene.labels == len(classes)).any() for scene in scenes)
    return Scenes(scenes, classes, background)


@dataclass
class Score:
    """IoU of classes over all images, and of single objects (an image's class without instances).

    Attributes:
        num_classes: K.
        both: Pixels of each class in both maps (K,).
        either: Pixels of each class in one of them (K,).
        ious: IoU of each exact object.
        seconds: CPU time of each image.
    """

    num_classes: int
    both: NDArray = field(init=False)
    either: NDArray = field(init=False)
    ious: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.both = np.zeros(self.num_classes)
        self.either = np.zeros(self.num_classes)

    def add(
        self, scene: Scene, objects: LabelObjects, refined: NDArray[np.int32], seconds: float
    ) -> None:
        """Count an image."""
        counted = ~scene.frozen
        labels = np.array([*objects.values, self.num_classes])[refined]
        ids = np.array([*objects.instances, 0])[refined]
        for k in range(self.num_classes):
            found, exact = (labels == k) & counted, scene.labels == k
            self.both[k] += (found & exact).sum()
            self.either[k] += (found | exact).sum()
        objects_of = scene.exact()
        for m, (k, i) in enumerate(zip(objects_of.values, objects_of.instances, strict=True)):
            mask = objects_of.object_map == m
            found = (labels == k) & (ids == i) & counted
            self.ious.append((mask & found).sum() / (mask | found).sum())
        self.seconds.append(seconds)

    def row(self, classes: tuple[str, ...]) -> dict:
        """Scores in percent, and CPU seconds an image; None of a class that no image has."""
        with np.errstate(invalid='ignore'):
            per_class = 100 * self.both / self.either
        return dict(
            zip(classes, [None if np.isnan(v) else float(v) for v in per_class], strict=True),
            mean=float(np.nanmean(per_class)),
            objects=100 * float(np.mean(self.ious)),
            seconds=float(np.mean(self.seconds)),
        )
