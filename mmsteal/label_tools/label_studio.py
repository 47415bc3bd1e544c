"""Brushes and polygons of Label Studio's tasks, refined."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsteal.edge_files import EdgeFolder
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.edge_maps.edge_inputs import edges_at_scale
from mmsteal.functional.refinement.object_refinement import ObjectRefinement
from mmsteal.functional.refinement.refine_engines import EngineOptions, engine_options
from mmsteal.functional.refinement.refine_objects import refine_objects
from mmsteal.label_formats import Annotation, LabelError
from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, read_photo
from mmsteal.label_formats.label_studio import latest_annotation
from mmsteal.label_formats.label_studio_results import read_results, write_results
from mmsteal.label_tools.task_images import TaskImages
from mmsteal.refinement import EdgeClasses
from mmsteal.refinement.outline_error import drawn_together, image_error_px

Predict = Callable[[Path], np.ndarray]
Prediction = dict[str, Any]


class LabelStudioRefiner:
    """Answer Label Studio's requests for predictions with the refined annotation of the task.

    What is refined: the regions that the request sends along as context (smart tools), else the
    latest annotation of the task that was submitted, else the latest prediction of another model.
    Brushes and polygons move; everything else comes back as it is. A region whose label has no
    edge map stays too.

    Args:
        predict (Callable[[Path], np.ndarray] | None): Edge maps (K, h, w) of an image, uint8
            (255 = 1) or float in [0, 1]: a :class:`mmsteal.apis.model_edges.ModelEdges`, or
            :func:`edges_of_folder`. None: the color gradient of the image.
        edge_classes (EdgeClasses): Which of the K edge maps a label follows.
        images (TaskImages): Where the images are.
        options (EngineOptions | None): Those of an engine; None: the joint labelling as it is.
        error_px (float | None): How far outlines may be off, in pixels; None: estimated.
        scale (float | None): Size at which objects are refined, in sizes of the image; None: that
            of the edge maps where they are smaller.
        tolerance_px (float): How far polygons may leave the pixels to save vertices.
        model_version (str): What Label Studio shows beside the predictions.

    Raises:
        ValueError: If `error_px` is not above 0, or does not go with the options.
    """

    def __init__(
        self,
        predict: Predict | None,
        edge_classes: EdgeClasses,
        images: TaskImages,
        options: EngineOptions | None = None,
        *,
        error_px: float | None = None,
        scale: float | None = None,
        tolerance_px: float = 0.75,
        model_version: str = 'mmsteal',
    ) -> None:
        self.predict_edges = predict
        self.edge_classes = edge_classes
        self.images = images
        self.scale = scale
        self.tolerance_px = tolerance_px
        self.options = engine_options(options=options)
        self.error_px = error_px
        # Told before a person waits for a prediction.
        if error_px is not None and not 0 < error_px < math.inf:
            raise ValueError(
                f'Expected argument `error_px` to be > 0 and finite, but got {error_px}.'
            )
        if error_px is not None and isinstance(self.options, AlignOptions):
            self.options.for_error(error_px)
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
            estimate of its final IoU; of level sets the geometric mean of the edge probability
            along its outline; 0 from engines that do not tell. That of the task is the mean over
            the regions that have an edge map. Without regions the result is empty.

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
            photo = read_photo(path)
            prob = None if self.predict_edges is None else self.predict_edges(path)
            error_px = self.error_px
            if error_px is None:
                error_px = drawn_together(image_error_px(annotation, photo, background=True), None)
            refined, reports = refine_objects(
                annotation.object_map,
                edges_at_scale(prob, photo, shape, self.scale),
                self.options,
                image=photo,
                classes=classes,
                background=True,
                error_px=error_px,
            )
        return self._refined(annotation, refined, reports, classes)

    def failed(self, message: str) -> Prediction:
        """A prediction that says why there is none.

        Of a prediction without regions Label Studio shows the version of the model, and nothing
        else. A version of its own also means that the task is asked about again.

        Args:
            message (str): What was wrong.
        """
        told = f'{self.model_version} could not refine this task: {message}'
        return {'result': [], 'score': None, 'model_version': told, 'error': message}

    def _results(self, task: Mapping[str, Any], context: Mapping[str, Any] | None) -> Any:
        if isinstance(context, Mapping) and context.get('result'):
            return context['result']
        chosen = latest_annotation(task)
        if chosen is not None and task['annotations'][chosen]['result']:
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
                score = math.exp(-report.loss) if report.alignment else report.estimated_iou
                scores[entry.sources[0]] = score if math.isfinite(score) else 0.0
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

    They are named as the images below `data_root`, with the folders or without; see
    :class:`mmsteal.pairing.FilePairs`.

    Args:
        edges (EdgeFolder): The edge maps.
        data_root (str | Path): Folder of the images.

    Returns:
        Callable: For :class:`LabelStudioRefiner`.
    """
    root = Path(data_root).resolve()

    def predict(path: Path) -> np.ndarray:
        name = path.resolve().relative_to(root).with_suffix('').as_posix()
        # Images may have come since; and only who knows all of them can tell whose file it is.
        files = [file for file in root.rglob('*') if file.suffix.lower() in IMAGE_SUFFIXES]
        images = Counter(file.relative_to(root).with_suffix('').as_posix() for file in files)
        if images[name] > 1:
            raise LabelError(
                f'Expected one image of the name {name}, but there are {images[name]}, and an edge '
                'map has no ending to tell them apart; rename one.'
            )
        return edges.of_images(images).read(name)

    return predict
