"""Brushes and polygons of Label Studio's tasks, refined."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.functional.align_options import REFINE_OPTIONS, AlignOptions
from mmsteal.functional.object_refinement import ObjectRefinement
from mmsteal.functional.refinement import refine_objects
from mmsteal.functional.resize import resize_edge_prob
from mmsteal.label_formats import Annotation, LabelError
from mmsteal.label_formats.base import image_size
from mmsteal.label_formats.label_studio import (
    find_image,
    latest_annotation,
    read_results,
    write_results,
)
from mmsteal.refinement import EdgeClasses, EdgeFolder

Predict = Callable[[Path], np.ndarray]
Prediction = dict[str, Any]


class LabelStudioRefiner:
    """Answer Label Studio's requests for predictions with the refined annotation of the task.

    What is refined: the regions that the request sends along as context (smart tools), else the
    latest annotation of the task that was submitted, else the latest prediction of another model.
    Brushes and polygons move; everything else comes back as it is. A region whose label has no
    edge map stays too.

    Args:
        predict (Callable[[Path], np.ndarray]): Edge maps (K, h, w) of an image, uint8 (255 = 1) or
            float in [0, 1]: a :class:`mmsteal.refinement.model_edges.ModelEdges`, or
            :func:`edges_of_folder`.
        edge_names (Sequence[str]): Names of the K edge maps.
        data_root (str | Path): Folder of the images; nothing outside of it is read, and nothing is
            fetched.
        class_map (Mapping[str, str] | None): Label -> edge map where their names differ, see
            :class:`mmsteal.refinement.EdgeClasses`.
        data_key (str | None): Name of the image in the data of a task. None: the only value, or
            'image'.
        error_px (float): How far outlines may be off, in pixels.
        scale (float | None): Size at which objects evolve, in sizes of the image; None: that of the
            edge maps.
        tolerance_px (float): How far polygons may leave the pixels to save vertices.
        max_pixels (int): Largest image.
        options (AlignOptions): How objects evolve, in pixels of the edge maps.
        model_version (str): What Label Studio shows beside the predictions.

    Raises:
        FileNotFoundError: If there is no folder `data_root`.
        ValueError: If an option is out of its range.
    """

    def __init__(
        self,
        predict: Predict,
        edge_names: Sequence[str],
        data_root: str | Path,
        *,
        class_map: Mapping[str, str] | None = None,
        data_key: str | None = None,
        error_px: float = 16.0,
        scale: float | None = None,
        tolerance_px: float = 0.75,
        max_pixels: int = 50_000_000,
        options: AlignOptions = REFINE_OPTIONS,
        model_version: str = 'mmsteal',
    ) -> None:
        self.predict_edges = predict
        self.edge_classes = EdgeClasses(edge_names, class_map)
        self.data_root = Path(data_root)
        if not self.data_root.is_dir():
            raise FileNotFoundError(
                f'Expected the images in the folder {self.data_root.resolve()}; there is none.'
            )
        self.data_key = data_key
        self.scale = scale
        self.tolerance_px = tolerance_px
        self.max_pixels = max_pixels
        options.for_error(error_px)  # told before a person waits for a prediction
        self.error_px = error_px
        self.options = options
        self.model_version = model_version
        # One image at a time: the model and its memory are there once.
        self._lock = threading.Lock()

    def __call__(
        self, task: Mapping[str, Any], context: Mapping[str, Any] | None = None
    ) -> Prediction:
        """Refine the annotation of a task.

        Args:
            task (Mapping[str, Any]): A task as Label Studio sends it.
            context (Mapping[str, Any] | None): Regions that a smart tool has just drawn.

        Returns:
            dict: `result`, `score`, `model_version`. The score of a region that moved is the
            geometric mean of the edge probability along its outline; that of the task is the mean
            over the regions that have an edge map. Without regions the result is empty.

        Raises:
            LabelError: If the task or its annotation cannot be used.
            FileNotFoundError: If the image or its edge map is not there.
        """
        if not isinstance(task, Mapping) or not isinstance(task.get('data'), Mapping):
            raise LabelError('Expected a task with data, as Label Studio sends it.')
        what = f'task {task.get("id")}'
        results = self._results(task, context)
        if not results:
            return self._prediction([], 0.0)
        path = find_image(self._address(task['data']), self.data_root)
        height, width = image_size(path)
        if height * width > self.max_pixels:
            raise LabelError(
                f'{what}: the image has {width} x {height} pixels, but {self.max_pixels} is the '
                'most that is refined; raise --max-pixels.'
            )
        annotation = read_results(what, results, (height, width), name=path.stem)
        if not annotation.objects:
            return self._prediction(list(results), 0.0)
        self.edge_classes.require_match(annotation.objects)
        classes = [self.edge_classes(entry) for entry in annotation.objects]
        with self._lock:
            edges = resize_edge_prob(self.predict_edges(path), (height, width), self.scale)
            refined, reports = refine_objects(
                annotation.object_map,
                edges,
                self.options,
                classes=classes,
                error_px=self.error_px,
            )
        return self._refined(annotation, refined, reports, classes)

    def _results(self, task: Mapping[str, Any], context: Mapping[str, Any] | None) -> Any:
        if isinstance(context, Mapping) and context.get('result'):
            return context['result']
        chosen = latest_annotation(task)
        if chosen is not None:
            return task['annotations'][chosen]['result']
        predictions = task.get('predictions')
        others = [
            entry['result']
            for entry in (predictions if isinstance(predictions, list) else [])
            if isinstance(entry, dict)
            and entry.get('result')
            and entry.get('model_version') != self.model_version
        ]
        return others[-1] if others else []

    def _address(self, data: Mapping[str, Any]) -> Any:
        if self.data_key is not None:
            return data.get(self.data_key)
        return next(iter(data.values())) if len(data) == 1 else data.get('image')

    def _refined(
        self,
        annotation: Annotation,
        refined: np.ndarray,
        reports: Sequence[ObjectRefinement],
        classes: Sequence[int],
    ) -> Prediction:
        scores = {}
        for entry, report, edge in zip(annotation.objects, reports, classes, strict=True):
            if edge >= 0:
                likelihood = math.exp(-report.loss) if math.isfinite(report.loss) else 0.0
                scores[entry.sources[0]] = likelihood
        _, given = annotation.content
        new = write_results(annotation, refined, tolerance_px=self.tolerance_px)
        # Regions that did not change are the very same.
        same = {id(entry) for entry in given}
        by_id = {str(given[index].get('id')): score for index, score in scores.items()}
        result = []
        for region in new:
            value = by_id.get(str(region.get('id')))
            changed = id(region) not in same
            result.append({**region, 'score': value} if changed and value is not None else region)
        return self._prediction(result, sum(scores.values()) / max(len(scores), 1))

    def _prediction(self, result: list[Any], score: float) -> Prediction:
        return {'result': result, 'score': score, 'model_version': self.model_version}


def edges_of_folder(edges: EdgeFolder, data_root: str | Path) -> Predict:
    """Read the edge maps of images from a folder.

    They are named as the images below `data_root`, with the folders or without.

    Args:
        edges (EdgeFolder): The edge maps.
        data_root (str | Path): Folder of the images.

    Returns:
        Callable: For :class:`LabelStudioRefiner`.
    """
    root = Path(data_root).resolve()

    def predict(path: Path) -> np.ndarray:
        name = path.resolve().relative_to(root).with_suffix('').as_posix()
        names = [name] if edges.first_file(name) is not None else [path.stem]
        return edges.read(names[0])

    return predict
