"""MF(ODS), OIS and AP of predicted boundaries, in the validation loop."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import numpy as np

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)

# isort: split
from mmengine.dist import get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS

from mmsteal.edge_files import probability_levels
from mmsteal.evaluation.image_counts import image_counts, valid_scores
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.evaluation.published_protocols import boundary_protocol
from mmsteal.evaluation.score_report import ClassScores, class_scores
from mmsteal.functional.scores.edge_scores import EdgeScores, MeanScores
from mmsteal.label_formats.label_maps import present_values
from mmsteal.label_formats.value_map import told_values


@METRICS.register_module()
class EdgeMetric(BaseMetric):
    """Match predicted with true boundaries, exactly, and score them per class.

    Predictions are rounded to 1/255 first, as they are when written to disk, so that this gives
    the same figures as evaluating the files. Matching runs in threads beside the inference.

    Args:
        protocol: `'sbd'`, `'seal'`, `'cityscapes'`, `'bsds'`, or None for one's own; see
            :data:`mmsteal.evaluation.PROTOCOLS`.
        mode: `'thin'` or `'raw'`.
        source: `'pred_edge_map'`: boundary probabilities; `'pred_sem_seg'`: the label map of a
            segmentor, turned into boundaries by the rule of the ground truth. A label map has no
            curve, only one precision and one recall.
        max_dist: Tolerance as a fraction of the diagonal, in place of the protocol's; several give
            one set of results each.
        background: Label of pixels of no class. None: K, as in mmsteal's datasets. Datasets of
            mmseg that have a background class among their classes name it, as `background=0`; it is
            then no class of the results.
        quick: n > 0: quick mode, to watch a training: every n-th image and 9 thresholds. Tables and
            names of results say "quick": such figures are not to be published.
        test_nms: Suppress non-maxima of the prediction before matching (the paper's "Test NMS").
        num_workers: Threads for the matching.
        collect_device: `'cpu'` or `'gpu'`.
        prefix: Prefix of the results' names; `'edge'` by default.
        **changes: Attributes of :class:`BoundaryProtocol` to change: thresholds, margin, radius,
            instance_sensitive, stored, scale, drop_interior, skip_absent, class_agnostic, resize.

    Results:
        `MF_ODS`, `MF_OIS` and `AP` in percent, means over the classes that have ground truth, and
        `num_classes`, how many those are; from label maps `MF`, `precision`, `recall` and
        `num_classes`. With several tolerances the names end in `@0.0035`, in quick mode they begin
        with `quick_`. After :meth:`evaluate` the attributes `scores` (one :class:`EdgeScores` per
        class, with its curve) and `mean` hold the rest at the first tolerance,
        `scores_by_max_dist` at all of them.
    """

    default_prefix = 'edge'

    def __init__(
        self,
        protocol: str | None = None,
        mode: str = 'thin',
        *,
        source: Literal['pred_edge_map', 'pred_sem_seg'] = 'pred_edge_map',
        max_dist: float | Sequence[float] | None = None,
        background: int | None = None,
        quick: int = 0,
        test_nms: bool = False,
        num_workers: int = 2,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        **changes,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if num_workers < 1:
            raise ValueError(
                f'Expected argument `num_workers` to be at least 1, got {num_workers}.'
            )
        if source not in ('pred_edge_map', 'pred_sem_seg'):
            raise ValueError(
                "Expected argument `source` to be 'pred_edge_map' or 'pred_sem_seg', got "
                f'{source!r}.'
            )
        if not isinstance(quick, int) or quick < 0:
            raise ValueError(
                f'Expected argument `quick` to be 0, or n to take every n-th image, got {quick!r}.'
            )
        if source == 'pred_sem_seg':
            changes['thresholds'] = (0.5,)
            test_nms = False
        elif quick and changes.get('thresholds') is None:
            changes['thresholds'] = 9
        protocols = [
            boundary_protocol(protocol, mode, max_dist=d, test_nms=test_nms, **changes)
            for d in (max_dist if isinstance(max_dist, Sequence) else (max_dist,))
        ]
        self.protocol: BoundaryProtocol = protocols[0]
        self.max_dists = tuple(p.max_dist for p in protocols)
        self.source = source
        self.background = background
        self.quick = quick
        self.num_workers = num_workers
        self.scores: list[EdgeScores] = []
        self.mean: MeanScores | None = None
        self.scores_by_max_dist: dict[float, ClassScores] = {}
        self._num_seen = 0
        self._values_seen: set[int] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future | None] = deque()

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Start the matching of one batch.

        Args:
            data_batch: Not used.
            data_samples: Samples with the prediction and `gt_sem_seg`.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.num_workers, 'edge_metric')
        for sample in data_samples:
            # Rank r of W is given the images r, r + W, ...: all ranks choose from one list.
            index = self._num_seen * get_world_size() + get_rank()
            self._num_seen += 1
            # Images left out keep their place, by which the ranks' results are put in order.
            if self.quick and index % self.quick:
                self._pending.append(None)
                continue
            # Maps wait in memory only as long as the matching lags behind by a few images.
            while len(self._pending) >= 2 * self.num_workers:
                self._collect()
            fields = {
                key: sample[key]['data'].cpu().numpy()
                for key in (self.source, 'gt_sem_seg', 'gt_instance_map', 'gt_boundary_map')
                if key in sample
            }
            self._pending.append(self._pool.submit(self._count, fields, sample.get('img_path')))

    def evaluate(self, size: int) -> dict:
        """Wait for the matching, then score; see the parent."""
        while self._pending:
            self._collect()
        self._reset()
        results = super().evaluate(size)
        self._values_seen.clear()
        return results

    def _collect(self) -> None:
        future = self._pending.popleft()
        try:
            self.results.append(None if future is None else future.result())
        except Exception:
            # A bad image ends this evaluation; nothing of it may count in the next.
            self.results.clear()
            self._reset()
            raise

    def _reset(self) -> None:
        self._pending.clear()
        self._num_seen = 0
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _count(self, fields: dict[str, np.ndarray], path: str | None) -> np.ndarray:
        """Counts of one image: (D, K, T, 4) int32."""
        needed = {
            self.source: "set source='pred_sem_seg' for a segmentor, 'pred_edge_map' for an edge "
            "detector; type='SegEdgeEncoderDecoder' predicts both",
            'gt_sem_seg': 'the test pipeline has to load annotations and end with PackEdgeInputs',
        }
        for key, advice in needed.items():
            if key not in fields:
                raise KeyError(
                    f'Expected `{key}` of {path} in the sample, but there is none; {advice}.'
                )
        try:
            return self._count_fields(fields)
        except (ValueError, TypeError) as error:
            raise type(error)(f'{path}: {error}') from error

    def _count_fields(self, fields: dict[str, np.ndarray]) -> np.ndarray:
        labels = fields['gt_sem_seg'][0].astype(np.int32)
        self._values_seen.update(present_values(labels))
        prediction = fields[self.source]
        if prediction.shape[1:] != labels.shape:
            raise ValueError(
                'Expected prediction and label map to have one size, but got '
                f'{prediction.shape[1:]} and {labels.shape}; load annotations after Resize in the '
                'test pipeline, so that they keep the size of the image.'
            )
        num_classes = self._num_label_classes(prediction)
        background = num_classes if self.background is None else self.background
        instances = fields.get('gt_instance_map')
        truth = self.protocol.ground_truth(
            labels,
            num_classes,
            background=background,
            instance_map=None if instances is None else instances[0],
            boundary_map=fields.get('gt_boundary_map'),
        )
        prob: np.ndarray
        if self.source == 'pred_edge_map':
            prob = probability_levels(valid_scores(prediction.astype(np.float32)))
        else:
            prob = self.protocol.predicted_edges(
                prediction[0].astype(np.int32), num_classes, background=background
            )
        return image_counts(
            prob,
            truth,
            self.protocol,
            max_dists=self.max_dists,
            interior=self.protocol.interior(labels, num_classes, background=background),
        )

    def _num_label_classes(self, prediction: np.ndarray) -> int:
        """Number of classes in the label map, which one class-agnostic prediction cannot tell."""
        named = len(self._class_names())
        if self.source != 'pred_edge_map':
            return named
        num_maps = len(prediction)
        if num_maps > 1 or named <= 1:
            return num_maps
        if not self.protocol.class_agnostic:
            raise ValueError(
                f'Expected one edge map for each of the {named} classes of the dataset, but the '
                'prediction has a single one; set class_agnostic=True of EdgeMetric to compare it '
                'with the edges of all classes together.'
            )
        return named

    def _meanings(self, num_classes: int) -> dict[int, str]:
        """Values of the label maps, in words."""
        background = num_classes if self.background is None else self.background
        special = {background: 'background', 255: 'ignored'}
        return {value: special.get(value, 'a class') for value in self._values_seen}

    def _class_names(self) -> list[str]:
        names = list((self.dataset_meta or {}).get('classes') or ())
        return [name for label, name in enumerate(names) if label != self.background]

    def compute_metrics(self, results: list[np.ndarray | None]) -> dict[str, float]:
        """Score the counts of all images.

        Args:
            results: (D, K, T, 4) per image, None for one left out.

        Returns:
            See the class.
        """
        evaluated = [counts for counts in results if counts is not None]
        counts = np.stack(evaluated)
        names = ['all'] if self.protocol.class_agnostic else self._class_names()
        if len(names) != counts.shape[2]:
            names = [f'class {k + 1}' for k in range(counts.shape[2])]
        by_max_dist = class_scores(counts, names, self.protocol, self.max_dists)
        self.scores_by_max_dist = {result.max_dist: result for result in by_max_dist}
        self.scores, self.mean = by_max_dist[0].scores, by_max_dist[0].mean
        if not counts[..., 1].any():
            print_log(
                f'No true edge of {", ".join(names)} in any of {len(evaluated)} images, so nothing '
                'is scored. After loading, the label maps hold '
                f'{told_values(self._meanings(counts.shape[2]))}.',
                logger='current',
                level=logging.WARNING,
            )
        numbers = {}
        for result in by_max_dist:
            print_log(
                f'{self._title(len(evaluated), len(results), result)}\n{result.table()}',
                logger='current',
            )
            ending = f'@{result.max_dist:g}' if len(by_max_dist) > 1 else ''
            for name, value in result.numbers().items():
                numbers[f'{"quick_" if self.quick else ""}{name}{ending}'] = value
        return numbers

    def _title(self, num_evaluated: int, num_images: int, result: ClassScores) -> str:
        images = f'{num_evaluated} images'
        if self.quick:
            images = f'{num_evaluated} of {num_images} images (quick mode, not for publication)'
        what = 'Label maps as boundaries' if self.source == 'pred_sem_seg' else 'Boundaries'
        protocol = replace(self.protocol, max_dist=result.max_dist)
        return (
            f'{what} of {images} in percent; {protocol.label}; mean over '
            f'{result.mean.num_classes} classes with ground truth'
        )
