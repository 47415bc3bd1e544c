"""From label maps to masks, and from masks to the edges that GenerateEdges would make of them.

Shape shorthand: N images; M masks; K classes; H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmsteal.datasets.transforms import GenerateEdges
from mmsteal.functional.edge_maps.edges import IGNORE, valid_mask_edges
from mmsteal.functional.edge_maps.thin import thin
from mmsteal.functional.labels.class_values import class_values
from mmsteal.functional.labels.label_objects import label_objects
from mmsteal.models.decode_heads.edge_head import EdgeHead


@dataclass(frozen=True)
class LabelRule:
    """How label maps are to be read, and edges to be drawn: what GenerateEdges was told.

    Attributes:
        num_classes (int): Number of classes K.
        background (int | None): Label of the pixels of no class.
        ignore_index (int): Label of ignored pixels.
        radius (float): Half thickness of the edges in px.
        instance_sensitive (bool): Whether instances of one class are told apart.
        thin (bool): Whether edges are thinned to a center line.
        class_agnostic (bool): Whether the edges of all classes are in one map.
    """

    num_classes: int
    background: int | None = None
    ignore_index: int = 255
    radius: float = 2.0
    instance_sensitive: bool = False
    thin: bool = False
    class_agnostic: bool = False

    @classmethod
    def of_pipeline(
        cls, transforms: Sequence, num_classes: int, label_classes: int | None = None
    ) -> LabelRule:
        """Take the rule over from the GenerateEdges among the steps of a training pipeline.

        Args:
            transforms (Sequence): The steps.
            num_classes (int): K of the head.
            label_classes (int | None): Number of classes in the labels; read where GenerateEdges
                unites them, and does not know.
        """
        found = [t for t in flatten_transforms(transforms) if isinstance(t, GenerateEdges)]
        if not found:
            raise ValueError(
                'Expected the training pipeline to hold a GenerateEdges step, whose radius and '
                'rules the aligned labels follow, but it has '
                f'{[type(t).__name__ for t in transforms]}; add dict(type="GenerateEdges", ...).'
            )
        step = found[0]
        # As GenerateEdges has it: with a dataset of mmsteal, K is the background.
        own = step.background is None and step.num_classes is None
        if step.class_agnostic:
            num_classes = step.num_classes or label_classes or num_classes
        return cls(
            num_classes=num_classes,
            background=num_classes if own else step.background,
            ignore_index=step.ignore_index,
            radius=step.radius,
            instance_sensitive=step.instance_sensitive,
            thin=step.thin,
            class_agnostic=step.class_agnostic,
        )

    @property
    def channels(self) -> list[int]:
        """Edge map of each class."""
        return [0] * self.num_classes if self.class_agnostic else list(range(self.num_classes))

    @property
    def class_values(self) -> list[int]:
        """Label of each class, as in :func:`mmsteal.functional.label_map_to_edges`."""
        return class_values(self.num_classes, without=(self.background, self.ignore_index))


@dataclass(frozen=True)
class Segments:
    """The objects of label maps.

    Attributes:
        masks (Tensor): (M, H, W) bool.
        images (list[int]): Which image each is of.
        classes (list[int]): Index of its class, 0 to K-1.
        instances (list[int]): Its instance id; 0 where instances are not told apart.
    """

    masks: Tensor
    images: list[int]
    classes: list[int]
    instances: list[int]


def segment(labels: Tensor, instances: Tensor | None, rule: LabelRule) -> Segments:
    """Masks of the objects of label maps: one a class, or one an instance, of those that occur.

    Args:
        labels (Tensor): Label maps (N, H, W), integers in 0..255.
        instances (Tensor | None): Instance ids (N, H, W), integers from 0 to 2^31; None takes all
            pixels of a class together.
        rule (LabelRule): What the labels mean.

    Returns:
        Segments: In ascending order of image, class and instance.
    """
    values = rule.class_values
    without = set(range(256)) - set(values)
    ids = [None] * len(labels) if instances is None else list(instances.cpu().numpy())
    masks, found = [], []
    for n, (label_map, instance_map) in enumerate(zip(labels.cpu().numpy(), ids, strict=True)):
        objects = label_objects(label_map, instance_map, without=without)
        object_map = torch.from_numpy(objects.object_map).to(labels.device)
        number = torch.arange(len(objects.values), dtype=torch.int32, device=labels.device)
        masks.append(object_map == number[:, None, None])
        found += [
            (n, values.index(value), instance)
            for value, instance in zip(objects.values, objects.instances, strict=True)
        ]
    images, classes, instance_ids = ([entry[i] for entry in found] for i in range(3))
    return Segments(torch.cat(masks), images, classes, instance_ids)


def keep_owners(aligned: Tensor, given: Tensor, images: Sequence[int]) -> Tensor:
    """Take from every mask the pixels that were another one's, and still are.

    The cheap part of :func:`mmsteal.functional.settle_overlaps`, on any device. What
    two masks claim that neither had is left to both.

    Args:
        aligned (Tensor): Masks (M, H, W) after an evolution, bool.
        given (Tensor): Masks before it, disjoint in each image.
        images (Sequence[int]): Image of each mask.

    Returns:
        Tensor: (M, H, W) bool.
    """
    index = torch.as_tensor(images, device=given.device)
    kept = aligned & given
    owned = kept.new_zeros((int(index.max()) + 1, *kept.shape[1:]), dtype=torch.uint8)
    owned.index_add_(0, index, kept.to(torch.uint8))
    return aligned & (given | (owned[index] == 0))


def redraw_edges(
    target: Tensor, labels: Tensor, segments: Segments, changed: Sequence[bool], rule: LabelRule
) -> Tensor:
    """Draw the edge maps anew of which a mask has changed.

    Args:
        target (Tensor): Edge maps (N, K, H, W) uint8, left as they are.
        labels (Tensor): Label maps (N, H, W), for the ignored pixels.
        segments (Segments): All masks as they are now.
        changed (Sequence[bool]): Which of them are not as they were.
        rule (LabelRule): How to draw.

    Returns:
        Tensor: A copy of `target` with the channels replaced.
    """
    channels = [rule.channels[k] for k in segments.classes]
    pairs = list(zip(segments.images, channels, strict=True))
    redrawn = sorted({pair for pair, new in zip(pairs, changed, strict=True) if new})
    if not redrawn:
        return target
    slots = {pair: i for i, pair in enumerate(redrawn)}
    wanted = [m for m, pair in enumerate(pairs) if pair in slots]
    device = target.device
    images = torch.as_tensor([segments.images[m] for m in wanted], device=device)
    valid = labels != rule.ignore_index
    edges = valid_mask_edges(segments.masks[wanted], valid[images], rule.radius)
    slot = torch.as_tensor([slots[pairs[m]] for m in wanted], device=device)
    union = torch.zeros((len(redrawn), *edges.shape[1:]), dtype=torch.int32, device=device)
    drawn = (union.index_add_(0, slot, edges.int()) > 0).to(torch.uint8)
    if rule.thin:
        drawn = torch.from_numpy(thin(drawn.cpu().numpy()).astype(np.uint8)).to(device)
    n, k = (torch.as_tensor(list(axis), device=device) for axis in zip(*redrawn, strict=True))
    drawn = drawn.masked_fill_(~valid[n], IGNORE)
    out = target.clone()
    out[n, k] = drawn.to(target.dtype)
    return out


def flatten_transforms(transforms: Sequence) -> Iterator:
    """All steps of a pipeline, those inside wrappers among them."""
    for step in transforms:
        yield step
        yield from flatten_transforms(getattr(step, 'transforms', None) or ())


def edge_heads(model: nn.Module) -> list[EdgeHead]:
    """The edge heads of a model; at least one."""
    found = [module for module in model.modules() if isinstance(module, EdgeHead)]
    if not found:
        raise ValueError(
            'Expected the model to have an edge head such as CASENetHead, but '
            f'{type(model).__name__} has none; alignment needs its edge predictions.'
        )
    return found
