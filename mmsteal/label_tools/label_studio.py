"""Brushes and polygons of Label Studio's tasks, refined."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.edge_files import EdgeFolder
from mmsteal.functional.align_options import REFINE_OPTIONS, AlignOptions
from mmsteal.functional.object_refinement import ObjectRefinement
from mmsteal.functional.refine_objects import refine_objects
from mmsteal.functional.resize import resize_edge_prob
from mmsteal.label_formats import Annotation, LabelError
from mmsteal.label_formats.label_studio import latest_annotation
from mmsteal.label_formats.label_studio_results import read_results, write_results
from mmsteal.label_tools.task_images import TaskImages
from mmsteal.refinement import EdgeClasses

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
            float in [0, 1]: a :class:`mmsteal.apis.model_edges.ModelEdges`, or
            :func:`edges_of_folder`.
        edge_classes (EdgeClasses): Which of the K edge maps a label follows.
        images (TaskImages): Where the images are.
        options (AlignOptions): How objects evolve, in pixels of the edge maps.
        error_px (float): How far outlines may be off, in pixels.
        scale (float | None): Size at which objects evolve, in sizes of the image; None: that of the
            edge maps.
        tolerance_px (float): How far polygons may leave the pixels to save vertices.
        model_version (str): What Label Studio shows beside the predictions.

    Raises:
        ValueError: If `error_px` is not above 0, or does not go with the options.
    """

    def __init__(
        self,
        predict: Predict,
        edge_classes: EdgeClasses,
        images: TaskImages,
        options: AlignOptions = REFINE_OPTIONS,
        *,
        error_px: float = 16.0,
        scale: float | None = None,
        tolerance_px: float = 0.75,
        model_version: str = 'mmsteal',
    ) -> None:
        self.predict_edges = predict
        self.edge_classes = edge_classes
        self.images = images
        self.scale = scale
        self.tolerance_px = tolerance_px
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
        results = self._results(task, context)
        if not results:
            return self._prediction([], 0.0)
        path, shape = self.images.find(task)
        annotation = read_results(f'task {task.get("id")}', results, shape, name=path.stem)
        if not annotation.objects:
            return self._prediction(list(results), 0.0)
        self.edge_classes.require_match(annotation.objects)
        classes = [self.edge_classes(entry) for entry in annotation.objects]
        with self._lock:
            edges = resize_edge_prob(self.predict_edges(path), shape, self.scale)
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
