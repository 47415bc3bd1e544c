"""Score predictions on disk against a data set on disk: checked first, parallel, resumable."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from mmsteal.edge_files import PredictionFolder
from mmsteal.evaluation.image_counts import image_counts
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.evaluation.score_report import ClassScores, class_scores
from mmsteal.file_evaluation.ground_truth import GroundTruth, ImageTruth
from mmsteal.files import write_file

# Raised whenever the same files and settings would give other counts.
_COUNTS_VERSION = 1


@dataclass(frozen=True, eq=False)
class MethodResult:
    """Counts and scores of one method.

    Attributes:
        protocol (BoundaryProtocol): With the first tolerance; label maps have one threshold.
        counts (np.ndarray): (N, D, K, T, 4) int32 for N images, D tolerances.
        scores (list[ClassScores]): One per tolerance.
        missing (list[tuple[str, str]]): Images and classes without a file, counted as empty.
        num_reused (int): Images whose counts were there from an earlier run.
    """

    protocol: BoundaryProtocol
    counts: np.ndarray
    scores: list[ClassScores]
    missing: list[tuple[str, str]]
    num_reused: int


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Scores of several methods on one data set by one protocol.

    Attributes:
        protocol (BoundaryProtocol): The protocol, with the first tolerance.
        max_dists (tuple[float, ...]): All tolerances.
        names (list[str]): The images, sorted.
        class_names (tuple[str, ...]): The classes evaluated.
        methods (dict[str, MethodResult]): Results by name of method.
    """

    protocol: BoundaryProtocol
    max_dists: tuple[float, ...]
    names: list[str]
    class_names: tuple[str, ...]
    methods: dict[str, MethodResult]


def evaluate_files(
    predictions: Mapping[str, PredictionFolder],
    truth: GroundTruth,
    protocol: BoundaryProtocol,
    cache_dir: str | Path,
    *,
    names: Sequence[str] | None = None,
    max_dists: Sequence[float] | None = None,
    missing: Literal['error', 'empty'] = 'error',
    label_values: Literal['files', 'index'] = 'files',
    absent: Literal['nan', 'zero'] = 'nan',
    absent_image: Literal['best', 'first'] = 'best',
    num_workers: int = 2,
    progress: bool = False,
) -> EvaluationResult:
    """Score one or more methods.

    All files are looked for before the first is matched. The counts of each image are kept in
    `cache_dir` under a hash of the protocol and of its files (path, size, time of change), so a
    run that was interrupted goes on, and one with other settings or other files begins anew.
    Results depend neither on the number of workers nor on the order of the images.

    Args:
        predictions (Mapping[str, PredictionFolder]): Predictions by name of method.
        truth (GroundTruth): The data set.
        protocol (BoundaryProtocol): How to compare.
        cache_dir (str | Path): Folder for the counts.
        names (Sequence[str] | None): The images; None: all of the data set.
        max_dists (Sequence[float] | None): Tolerances in place of the protocol's one.
        missing (str): `'error'` stops if a file is missing; `'empty'` counts it as a prediction
            of nothing, and reports it.
        label_values (str): What predicted label maps hold: `'files'`: the values of the data
            set's own files; `'index'`: 0..K-1, and K for background.
        absent (str): See :func:`mmsteal.functional.edge_scores`.
        absent_image (str): See there.
        num_workers (int): Threads.
        progress (bool): Show a progress bar.

    Returns:
        EvaluationResult: The scores.

    Raises:
        FileNotFoundError: If a prediction or the truth of an image is missing; named.
        ValueError: If a file does not hold what it should; named.
    """
    if num_workers < 1:
        raise ValueError(f'Expected argument `num_workers` to be at least 1, got {num_workers}.')
    job = _Job(
        predictions,
        truth,
        protocol,
        Path(cache_dir),
        tuple(max_dists or (protocol.max_dist,)),
        missing,
        label_values,
    )
    names = _chosen_names(truth, names)
    truth.check(names, protocol)
    lacking = {method: folder.missing(names) for method, folder in predictions.items()}
    for method, found in lacking.items():
        if found and missing == 'error':
            name, what = found[0]
            raise FileNotFoundError(
                f'Expected the prediction of image {name}, {what}, in '
                f'{predictions[method].root.resolve()}, but it is missing ({len(found)} missing in '
                f'all, of {len(names)} images); add what is missing, leave the images out '
                '(--list), or count it as empty (--missing empty).'
            )
    counts: dict[str, dict[str, np.ndarray]] = {method: {} for method in predictions}
    with ThreadPoolExecutor(num_workers, 'evaluate') as pool:
        try:
            # Cached images were checked when they were counted.
            for name, cached in zip(names, pool.map(job.cached, names), strict=True):
                for method, value in cached.items():
                    counts[method][name] = value
            reused = {method: len(done) for method, done in counts.items()}
            waiting = {
                name: [method for method in predictions if name not in counts[method]]
                for name in names
            }
            waiting = {name: methods for name, methods in waiting.items() if methods}
            checked = pool.map(job.check_headers, waiting.items())
            for _ in tqdm(checked, 'checking files', len(waiting), disable=not progress):
                pass
            futures = {pool.submit(job.run, *item): item[0] for item in waiting.items()}
            bar = tqdm(
                total=len(names), initial=len(names) - len(futures), unit='image',
                disable=not progress, desc='matching', smoothing=0.05,
            )  # fmt: skip
            with bar:
                for future in as_completed(futures):
                    for method, value in future.result().items():
                        counts[method][futures[future]] = value
                    bar.update()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    results = {}
    for method in predictions:
        stacked = np.stack([counts[method][name] for name in names])
        scores = class_scores(
            stacked,
            job.class_names,
            job.protocol_of(method),
            job.max_dists,
            absent=absent,
            absent_image=absent_image,
        )
        results[method] = MethodResult(
            job.protocol_of(method), stacked, scores, lacking[method], reused[method]
        )
    shared = replace(protocol, max_dist=job.max_dists[0])
    return EvaluationResult(shared, job.max_dists, names, job.class_names, results)


def _chosen_names(truth: GroundTruth, names: Sequence[str] | None) -> list[str]:
    if names is None:
        return truth.names
    unknown = sorted(set(names) - set(truth.names))
    if unknown or not names:
        raise ValueError(
            f'Expected names of images of the data set, such as {truth.names[0]}, but got '
            f'{unknown[:3] or "none"}.'
        )
    return sorted(set(names))


@dataclass(frozen=True)
class _Job:
    """What the counting of every image needs to know."""

    predictions: Mapping[str, PredictionFolder]
    truth: GroundTruth
    protocol: BoundaryProtocol
    cache_dir: Path
    max_dists: tuple[float, ...]
    missing: Literal['error', 'empty']
    label_values: Literal['files', 'index']

    def __post_init__(self) -> None:
        if not self.predictions:
            raise ValueError('Expected the predictions of at least one method, but got none.')
        for method, folder in self.predictions.items():
            if not method or '/' in method or method.startswith('.'):
                raise ValueError(
                    f'Expected the name of a method to be fit for a folder, but got {method!r}.'
                )
            if folder.classes != self.classes:
                raise ValueError('Expected all methods to be read for the same classes.')
        if self.protocol.class_agnostic and len(self.classes) < len(self.truth.class_names):
            raise ValueError('Expected all classes in a class-agnostic protocol, but got some.')
        for max_dist in self.max_dists:
            BoundaryProtocol(max_dist=max_dist)

    @property
    def classes(self) -> list[int]:
        return next(iter(self.predictions.values())).classes

    @property
    def class_names(self) -> tuple[str, ...]:
        names = self.truth.class_names
        if self.protocol.class_agnostic:
            return ('all',) if len(names) > 1 else tuple(names)
        return tuple(names[k] for k in self.classes)

    def protocol_of(self, method: str) -> BoundaryProtocol:
        """The protocol; for label maps with one threshold, because there is no curve."""
        protocol = replace(self.protocol, max_dist=self.max_dists[0])
        if self.predictions[method].kind == 'label_map':
            return replace(protocol, thresholds=(0.5,), test_nms=False)
        return protocol

    def cached(self, name: str) -> dict[str, np.ndarray]:
        """Counts of an image from an earlier run, by method."""
        found = {}
        for method in self.predictions:
            try:
                with np.load(self._path(method, name)) as file:
                    if str(file['key']) == self._key(method, name):
                        found[method] = file['counts']
            except (OSError, ValueError, KeyError, BadZipFile, EOFError):
                continue  # none, or one that is no longer readable
        return found

    def check_headers(self, item: tuple[str, list[str]]) -> None:
        for method in item[1]:
            self.predictions[method].check_headers(item[0])

    def run(self, name: str, methods: Sequence[str]) -> dict[str, np.ndarray]:
        """Count an image for some methods, and keep the counts."""
        truth = None
        counts = {}
        for method in methods:
            try:
                key = self._key(method, name)  # before reading: a change meanwhile shows next time
                prediction = self.predictions[method].read(name, missing=self.missing)
                if truth is None:
                    size = None if prediction is None else prediction.shape[-2:]
                    truth = self.truth.load(name, self.protocol, size)
                counts[method] = self._count(method, name, prediction, truth)
            except FileNotFoundError:
                raise
            except (ValueError, TypeError) as error:
                raise type(error)(f'Image {name}, predictions {method}: {error}') from error
            self._keep(method, name, key, counts[method])
        return counts

    def _count(
        self, method: str, name: str, prediction: np.ndarray | None, truth: ImageTruth
    ) -> np.ndarray:
        protocol = self.protocol_of(method)
        chosen = [0] if protocol.class_agnostic else self.classes
        edges = truth.edges[chosen]
        if prediction is None:
            prediction = np.zeros((len(self.classes), *edges.shape[-2:]), np.uint8)
        elif self.predictions[method].kind == 'label_map':
            prediction = self._label_map_edges(method, name, prediction, truth, protocol)[chosen]
        return image_counts(
            prediction,
            edges,
            protocol,
            max_dists=self.max_dists,
            interior=None if truth.interior is None else truth.interior[chosen],
        )

    def _label_map_edges(
        self,
        method: str,
        name: str,
        labels: np.ndarray,
        truth: ImageTruth,
        protocol: BoundaryProtocol,
    ) -> np.ndarray:
        num_classes = len(self.truth.class_names)
        if self.label_values == 'files':
            labels = self.truth.map_labels(labels, f'the predicted label map of {name}')
        size = truth.edges.shape[-2:] if truth.size is None else truth.size
        if labels.shape != size:
            raise ValueError(
                f'Expected a label map of {size[0]} x {size[1]} px (height x width), as the ground '
                f'truth, but got {labels.shape[0]} x {labels.shape[1]}.'
            )
        return protocol.predicted_edges(
            labels.astype(np.int32), num_classes, background=num_classes
        )

    def _key(self, method: str, name: str) -> str:
        folder = self.predictions[method]
        paths = [path for _, path in folder.files(name) if path is not None]
        paths += self.truth.files(name, self.protocol)
        stats = [(str(p.resolve()), s.st_size, s.st_mtime_ns) for p in paths for s in [p.stat()]]
        settings = dict(
            version=_COUNTS_VERSION,
            protocol=asdict(self.protocol_of(method)),
            max_dists=self.max_dists,
            classes=self.classes,
            class_names=list(self.truth.class_names),
            truth={k: repr(v) for k, v in vars(self.truth).items() if k == 'value_map'},
            prediction=[folder.kind, self.label_values],
            files=stats,
        )
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def _path(self, method: str, name: str) -> Path:
        return self.cache_dir / method / f'{name}.npz'

    def _keep(self, method: str, name: str, key: str, counts: np.ndarray) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, key=np.array(key), counts=counts)
        write_file(self._path(method, name), buffer.getvalue())
