"""Edges of images in three lines of Python."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from mmsteal.apis.in_memory import bgr_pixels
from mmsteal.apis.run_config import read_config
from mmsteal.datasets.transforms.image_steps import image_steps
from mmsteal.edge_files import check_distinct_names, write_prediction
from mmsteal.files import path_under, write_file
from mmsteal.label_formats import LabelError
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, read_photo
from mmsteal.models.checkpoint_fit import check_checkpoint_fits
from mmsteal.models.pretrained import without_pretrained
from mmsteal.visualization.edge_colors import (
    colorize_edges,
    distinct_palette,
    relative_strength,
)
from mmsteal.weights import EDGES, find_model

ImageInput = str | Path | np.ndarray | Image.Image | Tensor


@dataclass(frozen=True)
class EdgePrediction:
    """Edges of one image.

    Attributes:
        name (str): Name of the image, without suffix.
        edges (np.ndarray): (K, H, W) float32 boundary probabilities.
        overlay (np.ndarray): (H, W, 3) uint8 RGB, edges above 0.5 painted on the faded image.
        classes (tuple[str, ...]): Names of the K classes.
    """

    name: str
    edges: np.ndarray
    overlay: np.ndarray
    classes: tuple[str, ...]


class EdgeInferencer:
    """Predict the semantic edges of images with a trained model.

    Args:
        config: `'edges'`, the model in the package (docs/model_card.md); or the config of another,
            its path, or its name as `mmsteal::steal_casenet_sbd.py`.
        checkpoint: Trained weights; None takes those of the package with `'edges'`, and else keeps
            random ones, for tests.
        device: `'cpu'`, `'cuda:0'`, ...; None takes a GPU where there is one.
        cfg_options: Values to set in the config, by dotted key.

    Raises:
        FileNotFoundError: If the config, the checkpoint or an image is missing; named.
        ValueError: If the checkpoint is one of another model, or an image cannot be read.

    Example:
        >>> inferencer = EdgeInferencer()
        >>> inferencer(np.zeros((64, 96, 3), np.uint8))[0].edges.shape
        (1, 64, 96)
        >>> inferencer = EdgeInferencer('config.py', 'checkpoint.pth')  # doctest: +SKIP
        >>> prediction = inferencer('photo.jpg')[0]  # doctest: +SKIP
        >>> inferencer('folder/', out_dir='edges/')  # doctest: +SKIP
    """

    def __init__(
        self,
        config: str | Config = EDGES,
        checkpoint: str | None = None,
        device: str | None = None,
        *,
        cfg_options: dict | None = None,
    ) -> None:
        self.device = device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
        if isinstance(config, Config):
            cfg = deepcopy(config)
            cfg.merge_from_dict(cfg_options or {})
        else:
            config, checkpoint = find_model(config, checkpoint)
            cfg = read_config(config, cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        # The checkpoint brings the weights; fetching pre-trained ones first would be for nothing.
        self.model = MODELS.build(without_pretrained(cfg.model))
        meta: dict = {}
        if checkpoint is not None:
            if '://' not in str(checkpoint) and not os.path.isfile(checkpoint):
                raise FileNotFoundError(
                    f'Expected a checkpoint at {os.path.abspath(checkpoint)}, but there is none.'
                )
            # Silent: what does not fit is told by the check that follows.
            loaded = load_checkpoint(
                self.model, str(checkpoint), map_location='cpu', logger='silent'
            )
            check_checkpoint_fits(
                self.model, loaded.get('state_dict', loaded), allow_unexpected=True
            )
            meta = loaded.get('meta', {}).get('dataset_meta') or {}
        self.model.to(self.device).eval()
        num_classes = self.model.num_classes
        names = meta.get('classes') or [f'class {k + 1}' for k in range(num_classes)]
        # A class-agnostic model may come from a dataset of many classes.
        self.classes = ('edge',) if num_classes == 1 < len(names) else tuple(names[:num_classes])
        palette = meta.get('palette')
        fits = palette is not None and len(palette) == num_classes
        self.palette = np.asarray(palette) if fits else distinct_palette(num_classes)
        self.pipeline = _image_pipeline(cfg)

    def __call__(
        self,
        inputs: ImageInput | Sequence[ImageInput],
        *,
        out_dir: str | Path | None = None,
        return_predictions: bool | None = None,
        show_progress: bool = True,
        skipped: dict[str, str] | None = None,
    ) -> list[EdgePrediction]:
        """Predict the edges of one or many images.

        Args:
            inputs: An image, a folder, or a list of images. An image is a path, a BGR uint8 array
                (H, W, 3), a PIL image, or a tensor (3, H, W), RGB, uint8 or float in [0, 1].
            out_dir: Where to write `class_001/NAME.png` ... (255 = probability 1) and
                `overlay/NAME.png`.
            return_predictions: Keep and return the predictions. None: only if nothing is written,
                so that a big folder does not fill the memory.
            show_progress: Show a progress bar for more than one image.
            skipped: Takes the images that cannot be read, and what is wrong with each; the others
                are done. None: the first such image is an error.

        Returns:
            One per image, or empty.

        Raises:
            FileNotFoundError: If an image is missing; named.
            ValueError: If an image cannot be read; named.
        """
        images = _list_images(inputs)
        if out_dir is not None:
            check_distinct_names(image for image in images if isinstance(image, str | Path))
        keep = out_dir is None if return_predictions is None else return_predictions
        kept = []
        found = self.stream(images, skipped=skipped)
        bar = tqdm(found, total=len(images), unit='image', desc='edges',
                   disable=not show_progress or len(images) < 2)  # fmt: skip
        for prediction in bar:
            if out_dir is not None:
                self.write(prediction, out_dir)
            if keep:
                kept.append(prediction)
        return kept

    def stream(
        self,
        images: Sequence[ImageInput],
        *,
        skipped: dict[str, str] | None = None,
    ) -> Iterator[EdgePrediction]:
        """Predict image after image; nothing is kept. For `skipped` see :meth:`__call__`."""
        for index, item in enumerate(images):
            try:
                name, image = read_image(item, index)
            except (ValueError, OSError) as error:
                if skipped is None:
                    raise
                skipped[str(item)] = str(error)
                continue
            edges = self.predict(image)
            faded = (image[..., ::-1] * 0.5 + 127.5).astype(np.uint8)
            overlay = colorize_edges(relative_strength(edges), self.palette, faded, floor=0.5)
            yield EdgePrediction(name, edges, overlay, self.classes)

    @staticmethod
    def write(prediction: EdgePrediction, out_dir: str | Path) -> None:
        """Write one prediction as per-class PNGs and an overlay."""
        write_prediction(out_dir, prediction.name, prediction.edges)
        path = path_under(Path(out_dir) / 'overlay', f'{prediction.name}.png')
        _, content = cv2.imencode('.png', prediction.overlay[..., ::-1])
        try:
            write_file(path, content.tobytes())
        except OSError as error:
            raise OSError(
                f'Cannot write {path}; is the disk full or the folder read-only?'
            ) from error

    @torch.no_grad()
    def predict(self, image: np.ndarray) -> np.ndarray:
        """Edge probabilities (K, H, W) of a BGR uint8 image (H, W, 3)."""
        data = self.pipeline(dict(img=image))
        sample = self.model.test_step(pseudo_collate([data]))[0]
        return sample.pred_edge_map.data.float().cpu().numpy()


def _image_pipeline(cfg: Config) -> Compose:
    """The test pipeline, reading from memory and without what needs labels."""
    steps = image_steps(cfg.test_dataloader.dataset.pipeline)
    kept = [step for step in steps if step['type'] != 'LoadImageFromFile']
    return Compose([dict(type='LoadImageFromNDArray'), *kept])


def _list_images(inputs) -> list:
    if isinstance(inputs, np.ndarray | Image.Image | Tensor):
        return [inputs]
    if isinstance(inputs, str | Path):
        if not os.path.isdir(inputs):
            return [inputs]
        files = sorted(
            path
            for path in Path(inputs).iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.')
        )
        if not files:
            raise FileNotFoundError(
                f'Expected images in {os.path.abspath(inputs)} with one of the suffixes '
                f'{IMAGE_SUFFIXES}, but there are none.'
            )
        return files
    if not len(inputs):
        raise ValueError('Expected at least one image, but got an empty list.')
    return list(inputs)


def read_image(item: ImageInput, index: int = 0) -> tuple[str, np.ndarray]:
    """Name and BGR pixels of an image, in a file or in memory, the `index`-th of a list."""
    if not isinstance(item, str | Path):
        return f'image_{index:06d}', bgr_pixels(item)
    if not os.path.isfile(item):
        raise FileNotFoundError(f'Expected an image at {os.path.abspath(item)}, but there is none.')
    try:
        image = read_photo(Path(item))
    except LabelError as error:
        raise ValueError(
            f'Cannot read {item} as an image; restore it or leave it out. {error}'
        ) from error
    return Path(item).stem, np.ascontiguousarray(image[..., ::-1])
