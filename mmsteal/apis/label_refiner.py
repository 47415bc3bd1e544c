"""Coarse labels to fine ones in three lines of Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from PIL import Image
from torch import Tensor

from mmsteal.apis.edge_inferencer import EdgeInferencer, ImageInput, read_image
from mmsteal.apis.in_memory import label_values
from mmsteal.edge_files import class_indices
from mmsteal.functional.edge_maps.edge_inputs import edges_at_scale
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.refinement.refine_label_map import RefinedLabelMap, refine_label_map
from mmsteal.label_formats.label_maps import read_map
from mmsteal.refinement.settings import GRADIENT

Classes = Mapping[int, int | str] | Mapping[str, int]
LabelInput = str | Path | np.ndarray | Image.Image | Tensor


@dataclass(frozen=True)
class LabelRefinement(RefinedLabelMap):
    """A refined label map with its evidence.

    Attributes:
        label_map (np.ndarray): See :class:`RefinedLabelMap`, as all up to `objects`.
        instance_map (np.ndarray | None): Instance ids, if some were given.
        values (list[int]): Label of each object.
        instances (list[int]): Instance id of each object.
        objects (list[ObjectRefinement]): What happened to each object.
        engine (str): What refined them.
        error_px (float | None): How far their outlines were taken to be off.
        offset (float | None): How far they were drawn too small on average, in errors.
        edges (np.ndarray): (K, h, w) float32 edge probabilities, at the size of the refinement.
        edge_classes (tuple[str, ...]): Names of the K edge maps.
    """

    edges: np.ndarray
    edge_classes: tuple[str, ...]


class LabelRefiner:
    """Refine label maps by their photographs, with a trained edge model or without.

    With edge maps of any other detector see :func:`mmsteal.functional.refine_label_map`, which
    this calls: by default its joint labelling; `engine='level_set'` is the paper's way (sections
    3.6 and 4.3).

    Args:
        config (str | Config | None): `'edges'`, the model in the package; or the config of another,
            or its path. None: no model, the color gradient serves.
        checkpoint (str | None): Trained weights, see :class:`EdgeInferencer`.
        device (str | None): `'cpu'`, `'cuda:0'`, ...; None takes a GPU where there is one.
        scale (float): Size at which objects are refined, in sizes of the label map: 0.5 takes a
            quarter of the time. The network sees the image as it is.
        cfg_options (dict | None): Values to set in the config, by dotted key.
        **arguments: Defaults for every call, see :meth:`__call__`.

    Attributes:
        classes (tuple[str, ...]): Names of the classes of the model; `('gradient',)` without one.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing; named.
        ValueError: If the checkpoint is one of another model or of none, or `scale` is not above 0.

    Example:
        >>> y, x = np.mgrid[:60, :60]
        >>> distance = np.hypot(y - 30, x - 30)
        >>> photo = np.where(distance < 20, 200, 50).astype(np.uint8)[..., None].repeat(3, axis=2)
        >>> coarse = np.where(distance < 15, 1, 0)
        >>> result = LabelRefiner(background=0)(photo, coarse, error_px=8)
        >>> int((coarse == 1).sum()), int((result.label_map == 1).sum())
        (697, 1245)
        >>> refiner = LabelRefiner('config.py', 'checkpoint.pth', background=0)  # doctest: +SKIP
        >>> result = refiner('photo.jpg', 'coarse.png', error_px=8)  # doctest: +SKIP
        >>> result.label_map, result.objects[0].status  # doctest: +SKIP
    """

    def __init__(
        self,
        config: str | Config | None = None,
        checkpoint: str | None = None,
        device: str | None = None,
        *,
        scale: float = 1.0,
        cfg_options: dict | None = None,
        **arguments: Any,
    ) -> None:
        if not 0 < scale < np.inf:
            raise ValueError(f'Expected argument `scale` to be > 0 and finite, but got {scale}.')
        if config is None and checkpoint is not None:
            raise ValueError(
                f'Expected argument `config` beside the checkpoint {checkpoint}, but got None; '
                'weights alone are no model.'
            )
        self._inferencer = None
        self.classes: tuple[str, ...] = (GRADIENT,)
        if config is not None:
            self._inferencer = EdgeInferencer(config, checkpoint, device, cfg_options=cfg_options)
            self.classes = tuple(self._inferencer.classes)
        self.scale = scale
        self.arguments = arguments

    def __call__(
        self,
        image: ImageInput,
        label_map: LabelInput,
        *,
        classes: Classes | None = None,
        instance_map: LabelInput | None = None,
        **arguments: Any,
    ) -> LabelRefinement:
        """Refine the label map of an image.

        Args:
            image (str | Path | np.ndarray | PIL.Image.Image | Tensor): A path, a BGR uint8 array
                (H, W, 3), a PIL image, or a tensor (3, H, W), RGB, uint8 or float in [0, 1].
            label_map (str | Path | np.ndarray | PIL.Image.Image | Tensor): Labels (H, W), integers,
                or the path of a PNG.
            classes (Mapping | None): Which class of the model a label is: `{label: index}`,
                `{label: 'name'}` or `{'name': label}`. Objects of other labels stay as they are.
                None: the labels in ascending order, without background and ignored, are the
                classes in theirs; a model of a single class, and the gradient, serve every label.
            instance_map (str | Path | np.ndarray | PIL.Image.Image | Tensor | None): Instance ids
                (H, W): then objects are instances.
            **arguments: Other arguments of :func:`mmsteal.functional.refine_label_map`:
                `background`, `unlabelled`, `ignore_index`, `components`, `unclaimed`, `error_px`,
                `engine`, and `options`, those of the engine, as `JointOptions(set_offset=0.3)` with
                what other images of the set have in `offset`. An engine or options of a call take
                the place of both defaults.

        Returns:
            LabelRefinement: The refined map, what happened to each object, and the edges.

        Raises:
            ValueError: If the sizes differ, a class is unknown, or an option is out of its range.
            FileNotFoundError: If a file is missing.
        """
        _, pixels = read_image(image, 0)
        labels, instances = _as_map(label_map), _as_map(instance_map)
        if isinstance(labels, np.ndarray) and labels.shape != pixels.shape[:2]:
            raise ValueError(
                f'Expected argument `label_map` to have the size of the image, '
                f'{pixels.shape[:2]}, but got {labels.shape}; they must be of one image.'
            )
        chosen = {**self.arguments, **arguments}
        if {'engine', 'options'} & arguments.keys():
            # Options of one engine do not go with the name of another.
            for name in {'engine', 'options'} - arguments.keys():
                chosen.pop(name, None)
        if classes is None:
            classes = chosen.pop('classes', None)
        chosen.pop('classes', None)
        indices = None if classes is None else self._indices(classes)
        photo = np.ascontiguousarray(pixels[..., ::-1])
        prob = None if self._inferencer is None else self._inferencer.predict(pixels)
        edges = edges_at_scale(prob, photo, pixels.shape[:2], self.scale)
        if edges is None:
            edges = gradient_edges(photo)[None]
        refined = refine_label_map(
            labels, edges, image=photo, classes=indices, instance_map=instances, **chosen
        )
        return LabelRefinement(**vars(refined), edges=edges, edge_classes=self.classes)

    def _indices(self, classes: Classes) -> dict[int, int]:
        """Labels -> indices of edge maps."""
        found = {}
        for key, value in classes.items():
            if isinstance(key, str):
                found[int(value)] = self._index(key)
            elif isinstance(value, str):
                found[int(key)] = self._index(value)
            else:
                found[int(key)] = int(value)
        return found

    def _index(self, name: str) -> int:
        return (class_indices([name], self.classes) or [-1])[0]


def _as_map(given: Any) -> Any:
    """Values of a label map, from a file or as they are."""
    if not isinstance(given, str | Path):
        return label_values(given)
    if not Path(given).is_file():
        raise FileNotFoundError(f'Expected a label map at {Path(given).resolve()}; there is none.')
    return np.array(read_map(Path(given)))
