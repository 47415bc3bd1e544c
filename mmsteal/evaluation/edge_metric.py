"""MF(ODS), OIS and AP of predicted boundaries, in the validation loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable

from mmsteal.evaluation.protocol import BoundaryProtocol, boundary_protocol
from mmsteal.functional.edge_nms import edge_nms
from mmsteal.functional.edge_scores import EdgeScores, MeanScores, edge_scores, mean_scores
from mmsteal.functional.matching import edge_counts


@METRICS.register_module()
class EdgeMetric(BaseMetric):
    """Match predicted with true boundaries, exactly, and score them per class.

    Predictions are rounded to 1/255 first, as they are when written to disk, so that this gives
    the same figures as evaluating the files. Matching runs in threads beside the inference.

    Args:
        protocol (str | None): `'sbd'`, `'seal'`, `'cityscapes'`, `'bsds'`, or None for one's own;
            see :data:`mmsteal.evaluation.protocol.PROTOCOLS`.
        mode (str): `'thin'` or `'raw'`.
        test_nms (bool): Suppress non-maxima of the prediction before matching (the paper's "Test
            NMS").
        num_workers (int): Threads for the matching.
        collect_device (str): `'cpu'` or `'gpu'`.
        prefix (str | None): Prefix of the results' names; `'edge'` by default.
        **changes: Attributes of :class:`BoundaryProtocol` to change: max_dist, thresholds,
            margin, radius, instance_sensitive, stored, scale, drop_interior.

    Results:
        `MF_ODS`, `MF_OIS` and `AP` in percent, means over the classes that have ground truth, and
        `num_classes`, how many those are. After :meth:`evaluate` the attributes `scores` (one
        :class:`EdgeScores` per class, with its curve) and `mean` hold the rest.
    """

    default_prefix = 'edge'

    def __init__(
        self,
        protocol: str | None = None,
        mode: str = 'thin',
        *,
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
        self.protocol: BoundaryProtocol = boundary_protocol(protocol, mode, **changes)
        self.test_nms = test_nms
        self.num_workers = num_workers
        self.scores: list[EdgeScores] = []
        self.mean: MeanScores | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future] = deque()

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Start the matching of one batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Samples with `pred_edge_map` and `gt_sem_seg`.
        """
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.num_workers, 'edge_metric')
        for sample in data_samples:
            # Maps wait in memory only as long as the matching lags behind by a few images.
            while len(self._pending) >= 2 * self.num_workers:
                self.results.append(self._pending.popleft().result())
            fields = {
                key: sample[key]['data'].cpu().numpy()
                for key in ('pred_edge_map', 'gt_sem_seg', 'gt_instance_map', 'gt_boundary_map')
                if key in sample
            }
            self._pending.append(self._pool.submit(self._count, fields, sample.get('img_path')))

    def evaluate(self, size: int) -> dict:
        """Wait for the matching, then score; see the parent."""
        while self._pending:
            self.results.append(self._pending.popleft().result())
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        return super().evaluate(size)

    def _count(self, fields: dict[str, np.ndarray], path: str | None) -> np.ndarray:
        """Counts of one image: (K, T, 4) int32."""
        prob = fields['pred_edge_map'].astype(np.float32)
        if 'gt_sem_seg' not in fields:
            raise KeyError(
                f'Expected the label map of {path} in the sample, but there is none; the test '
                'pipeline has to load annotations and end with PackEdgeInputs.'
            )
        if not np.isfinite(prob).all():
            raise ValueError(
                f'Expected finite edge probabilities for {path}, but got NaN or inf; the weights '
                'have probably diverged: lower the learning rate or look at the last checkpoint.'
            )
        labels = fields['gt_sem_seg'][0].astype(np.int32)
        instances = fields.get('gt_instance_map')
        num_classes = len(prob)
        if prob.shape[1:] != labels.shape:
            raise ValueError(
                f'Expected prediction and label map of {path} to have one size, but got '
                f'{prob.shape[1:]} and {labels.shape}; load annotations after Resize in the test '
                'pipeline, so that they keep the size of the image.'
            )
        truth = self.protocol.ground_truth(
            labels,
            num_classes,
            background=num_classes,
            instance_map=None if instances is None else instances[0],
            boundary_map=fields.get('gt_boundary_map'),
        )
        prob = self.protocol.prediction(prob)
        if self.test_nms:
            prob = edge_nms(prob)
        levels = np.rint(np.clip(prob, 0, 1) * 255).astype(np.uint8)
        protocol = self.protocol
        return np.stack([
            edge_counts(
                levels[k],
                truth[k],
                thresholds=protocol.thresholds,
                max_dist=protocol.max_dist,
                thin=protocol.mode == 'thin',
                margin=protocol.margin,
                interior=labels == k if protocol.drop_interior else None,
            )
            for k in range(num_classes)
        ]).astype(np.int32)  # fmt: skip

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Score the counts of all images.

        Args:
            results (list[np.ndarray]): (K, T, 4) per image.

        Returns:
            dict[str, float]: See the class.
        """
        counts = np.stack(results).astype(np.int64)
        names = (self.dataset_meta or {}).get('classes') or range(counts.shape[1])
        self.scores = scores = [edge_scores(counts[:, k]) for k in range(counts.shape[1])]
        self.mean = mean = mean_scores(scores)
        table = PrettyTable(['class', 'MF(ODS)', 'threshold', 'OIS', 'AP'])
        table.align = 'r'
        table.align['class'] = 'l'
        percent = '{:.2f}'.format
        for name, s in zip(names, scores, strict=False):
            table.add_row([name, percent(100 * s.ods_f), f'{s.ods_threshold:.3f}',
                           percent(100 * s.ois_f), percent(100 * s.ap)])  # fmt: skip
        table.add_row(['mean', percent(100 * mean.ods_f), '', percent(100 * mean.ois_f),
                       percent(100 * mean.ap)])  # fmt: skip
        nms = ', test NMS' if self.test_nms else ''
        print_log(
            f'Boundaries of {len(results)} images in percent; {self.protocol.label}{nms}; mean '
            f'over {mean.num_classes} classes with ground truth\n{table.get_string()}',
            logger='current',
        )
        return {
            'MF_ODS': 100 * mean.ods_f,
            'MF_OIS': 100 * mean.ois_f,
            'AP': 100 * mean.ap,
            'num_classes': mean.num_classes,
        }
