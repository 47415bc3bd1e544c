"""Draw labelled and predicted edges on the image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)

# isort: split
from mmengine.dist import master_only
from mmseg.registry import VISUALIZERS
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmsteal.files import write_file
from mmsteal.visualization.edge_colors import (
    colorize_edges,
    distinct_palette,
    relative_strength,
)

_BAR_PX = 22


@VISUALIZERS.register_module()
class EdgeLocalVisualizer(SegLocalVisualizer):
    """Panels side by side: image, ground truth, prediction, each edge in its class's color.

    Writes to every backend of `vis_backends` (files, TensorBoard, ...). A strip below names the
    classes that occur.

    Args:
        name (str): Name of the instance.
        dim (float): How far the image behind the edges is faded to white, 0 to 1.
        floor (float): Strength up to which nothing is drawn, of predictions as
            :func:`relative_strength` has it; see :func:`colorize_edges`.
        **kwargs: Passed to :class:`mmseg.visualization.SegLocalVisualizer`.
    """

    def __init__(
        self, name: str = 'visualizer', *, dim: float = 0.5, floor: float = 0.5, **kwargs
    ) -> None:
        super().__init__(name, **kwargs)
        self.dim = dim
        self.floor = floor

    @master_only  # The other ranks have no dataset_meta.
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SegDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
        with_labels: bool | None = True,
        **kwargs,
    ) -> None:
        """Draw one image.

        Args:
            name (str): Name of the picture.
            image (np.ndarray): (H, W, 3) uint8 RGB.
            data_sample (SegDataSample | None): With `gt_edge_map` and / or `pred_edge_map`.
            draw_gt (bool): Draw the ground truth.
            draw_pred (bool): Draw the prediction.
            show (bool): Open a window.
            wait_time (float): Seconds to show it; 0 waits for a key.
            out_file (str | None): Write the picture here instead of to the backends.
            step (int): Step to file it under.
            with_labels (bool): Name the classes in a strip below.
            **kwargs: Ignored; other arguments of the parent.
        """
        panels = [('image', image)]
        maps = []
        wanted = (
            ('ground truth', 'gt_edge_map', draw_gt),
            ('prediction', 'pred_edge_map', draw_pred),
        )
        for title, key, draw in wanted:
            if draw and data_sample is not None and key in data_sample:
                edges = _as_strength(data_sample.get(key).data)
                if key == 'pred_edge_map':
                    edges = relative_strength(edges)
                maps.append(edges)
                panels.append((title, self.draw_edges(image, edges)))
        picture = np.concatenate([_titled(title, panel) for title, panel in panels], axis=1)
        if with_labels and maps:
            strongest = [m.reshape(len(m), -1).max(axis=1, initial=0) for m in maps]
            present = np.max(strongest, axis=0) > max(self.floor, 0.25)
            picture = np.concatenate([picture, self._legend(present, picture.shape[1])], axis=0)
        # mmseg's inferencer reads the picture back from here.
        self.set_image(picture)
        if show:
            self.show(picture, win_name=name, wait_time=wait_time)
        if out_file is not None:
            ok, content = cv2.imencode(Path(out_file).suffix, picture[..., ::-1])
            if not ok or not Path(out_file).parent.is_dir():
                raise OSError(f'Cannot write the picture {out_file}; does its folder exist?')
            write_file(out_file, content.tobytes())
        else:
            self.add_image(name, picture, step)

    def draw_edges(self, image: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Paint edges (K, H, W) on the faded image; sizes may differ.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB of the image's size.
        """
        if edges.shape[1:] != image.shape[:2]:
            size = image.shape[1::-1]
            edges = np.stack([cv2.resize(e, size, interpolation=cv2.INTER_LINEAR) for e in edges])
        faded = (image * (1 - self.dim) + 255 * self.dim).astype(np.uint8)
        return colorize_edges(edges, self._palette(len(edges)), faded, floor=self.floor)

    def _palette(self, num_classes: int) -> np.ndarray:
        palette = (self.dataset_meta or {}).get('palette')
        if palette is None or len(palette) != num_classes:
            return distinct_palette(num_classes)
        return np.asarray(palette)

    def _legend(self, present: np.ndarray, width: int) -> np.ndarray:
        names = (self.dataset_meta or {}).get('classes') or ()
        if len(names) != len(present):
            names = ['edge'] if len(present) == 1 else [f'class {k}' for k in range(len(present))]
        palette = self._palette(len(present))
        rows = [np.full((_BAR_PX, width, 3), 255, np.uint8)]
        x = 4
        for k in np.flatnonzero(present):
            (text_px, _), _ = cv2.getTextSize(str(names[k]), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
            if x + text_px + 26 > width and x > 4:
                rows.append(np.full((_BAR_PX, width, 3), 255, np.uint8))
                x = 4
            color = tuple(int(c) for c in palette[k])
            cv2.rectangle(rows[-1], (x, 6), (x + 11, 16), color, -1)
            cv2.putText(rows[-1], str(names[k]), (x + 16, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45,
                        (0, 0, 0), 1, cv2.LINE_AA)  # fmt: skip
            x += text_px + 30
        return np.concatenate(rows, axis=0)


def _as_strength(data) -> np.ndarray:
    """(K, H, W) labels {0, 1, 255} or probabilities -> float strength, ignore drawn as none."""
    array = data.detach().float().cpu().numpy()
    return np.where(array == 255, 0, array)


def _titled(title: str, panel: np.ndarray) -> np.ndarray:
    bar = np.full((_BAR_PX, panel.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, title, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    # A white line keeps neighboring panels apart.
    out = np.concatenate([bar, panel], axis=0)
    out[:, -1] = 255
    return out
