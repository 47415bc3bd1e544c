"""Counts of one image for every method, kept from run to run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsteal.evaluation.image_counts import image_counts
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.file_evaluation.ground_truth import ImageTruth
from mmsteal.file_evaluation.job import EvaluationJob
from mmsteal.functional.labels.mask_values import is_mask
from mmsteal.jobs import ArrayRecords, Origin, fingerprint, writing_to

# Raised whenever the same files and settings would give other counts.
_COUNTS_VERSION = 2


class Counted(NamedTuple):
    """Counts of a method.

    Attributes:
        counts (np.ndarray): (D, K, T, 4) int32, see
            :func:`mmsteal.evaluation.image_counts.image_counts`.
        reused (bool): Whether they were there from an earlier run.
    """

    counts: NDArray[np.int32]
    reused: bool


class ImageCounter:
    """Counts image after image, and keeps what it counts in `CACHE/METHOD/NAME.npz`.

    Args:
        job: What is compared.
        cache_dir: Folder for the counts.
    """

    def __init__(self, job: EvaluationJob, cache_dir: str | Path) -> None:
        self.job = job
        self.cache_dir = Path(cache_dir)
        self._records = {
            method: ArrayRecords(self.cache_dir / method) for method in job.predictions
        }
        self._settings = {method: self._settings_of(method) for method in job.predictions}

    def kept(self, name: str) -> dict[str, Counted] | None:
        """Counts of an image that are all there from an earlier run, by method."""
        found: dict[str, Counted] = {}
        for method in self.job.predictions:
            counts = self._kept(method, name, self._origin(method, name))
            if counts is None:
                return None
            found[method] = Counted(counts, True)
        return found

    def check(self, name: str) -> None:
        """Refuse files that cannot be predictions, by their headers."""
        for folder in self.job.predictions.values():
            folder.check_headers(name)

    def __call__(self, name: str) -> dict[str, Counted]:
        """Count an image for the methods whose counts are not there yet, and keep them.

        Raises:
            FileNotFoundError: If a file has gone.
            ValueError: If a file does not hold what it should; image and method are named.
            OutputError: If the disk refuses the counts.
        """
        truth = None
        found: dict[str, Counted] = {}
        for method, folder in self.job.predictions.items():
            try:
                # Before reading: a change meanwhile shows next time.
                origin = self._origin(method, name)
                kept = self._kept(method, name, origin)
                if kept is not None:
                    found[method] = Counted(kept, True)
                    continue
                prediction = folder.read(name, missing=self.job.missing)
                if truth is None:
                    size = None if prediction is None else prediction.shape[-2:]
                    truth = self.job.truth.load(name, self.job.protocol, size)
                counts = self._count(method, name, prediction, truth)
            except (ValueError, TypeError) as error:
                raise type(error)(f'Image {name}, predictions {method}: {error}') from error
            with writing_to(self.cache_dir):
                self._records[method].write(name, origin, {'counts': counts})
            found[method] = Counted(counts, False)
        return found

    def _count(
        self, method: str, name: str, prediction: NDArray[Any] | None, truth: ImageTruth
    ) -> NDArray[np.int32]:
        job, protocol = self.job, self.job.protocol_of(method)
        chosen = [0] if protocol.class_agnostic else job.classes
        edges = truth.edges[chosen]
        if prediction is None:
            prediction = np.zeros((len(job.classes), *edges.shape[-2:]), np.uint8)
        elif job.predictions[method].kind == 'label_map':
            prediction = self._label_map_edges(name, prediction, truth, protocol)[chosen]
        return image_counts(
            prediction,
            edges,
            protocol,
            max_dists=job.max_dists,
            interior=None if truth.interior is None else truth.interior[chosen],
        )

    def _label_map_edges(
        self, name: str, labels: NDArray[Any], truth: ImageTruth, protocol: BoundaryProtocol
    ) -> NDArray[np.bool_]:
        num_classes = len(self.job.truth.class_names)
        # What a segmentor predicts is never ignored: of a single class, 0 and 255 are a mask.
        mask = num_classes == 1 and is_mask(labels)
        if self.job.label_values == 'files':
            if mask:
                labels = (labels == 0).astype(np.int16)
            else:
                labels = self.job.truth.map_labels(labels, f'the predicted label map of {name}')
        elif mask:
            raise ValueError(
                f'Expected the label map of {name} to hold 0 for the class and 1 for background, '
                'but it is a mask of 0 and 255; say --label-maps files.'
            )
        size = truth.edges.shape[-2:] if truth.size is None else truth.size
        if labels.shape != size:
            raise ValueError(
                f'Expected a label map of {size[0]} x {size[1]} px (height x width), as the ground '
                f'truth, but got {labels.shape[0]} x {labels.shape[1]}.'
            )
        return protocol.predicted_edges(
            labels.astype(np.int32), num_classes, background=num_classes
        )

    def _kept(self, method: str, name: str, origin: Origin) -> NDArray[np.int32] | None:
        record = self._records[method].read_current(name, origin)
        return None if record is None else record.get('counts')

    def _origin(self, method: str, name: str) -> Origin:
        paths = [path for _, path in self.job.predictions[method].files(name) if path is not None]
        paths += self.job.truth.files(name, self.job.protocol)
        return Origin.of(self._settings[method], paths, places=True)

    def _settings_of(self, method: str) -> str:
        job = self.job
        return fingerprint(dict(
            version=_COUNTS_VERSION,
            protocol=asdict(job.protocol_of(method)),
            max_dists=list(job.max_dists),
            classes=job.classes,
            class_names=list(job.truth.class_names),
            truth=job.truth.settings,
            prediction=[job.predictions[method].kind, job.label_values],
        ))  # fmt: skip
