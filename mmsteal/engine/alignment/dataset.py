"""Align the labels of a whole training set with the current model, and put them in force."""

from __future__ import annotations

import hashlib
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import mmcv
import mmengine.dist as dist
import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.logging import MMLogger
from torch import Tensor, nn

from mmsteal.datasets import EdgeDataset
from mmsteal.datasets.transforms import GenerateEdges
from mmsteal.engine.alignment.label_files import LabelFiles, LoadAlignedLabels, label_steps
from mmsteal.engine.alignment.label_map import align_label_map
from mmsteal.engine.alignment.masks import LabelRule, flatten_transforms
from mmsteal.engine.alignment.round_file import ROUND_FILE, file_stamp, is_round, write_round
from mmsteal.engine.alignment.summary import AlignmentSummary
from mmsteal.files import remove_partial_files
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.jobs import Job, present_ranks, run_job

# image (H, W, 3) RGB, given edges (K, H, W), aligned edges, predicted edges, name
Picture = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str], None]


@dataclass(frozen=True)
class RoundSettings:
    """What decides the labels of a round, besides the model and the given labels.

    Attributes:
        rule (LabelRule): How labels are read.
        align (AlignOptions): How masks move.
        start (str): `'given'`: every round starts from the given labels. `'last'`: from those of
            the round before.
    """

    rule: LabelRule
    align: AlignOptions
    start: Literal['given', 'last'] = 'given'


class DatasetAligner:
    """Aligns the labels of a training set, round after round.

    A round writes `root/iter_N.partial/` file by file, each whole or absent, and renames it to
    `root/iter_N/` when all ranks are done. A round that was cut off resumes, if the
    same model and options come back to it; otherwise it begins anew. The original labels are never
    touched.

    Args:
        dataset (EdgeDataset): The training dataset.
        image_pipeline (Sequence[dict]): Steps from the path of an image to the model's input.
        settings (RoundSettings): How a round is held.
        root (str): Folder of the rounds.
        logger (MMLogger): Where progress goes.
        show (Callable | None): Called with the first `num_pictures` images.
        num_pictures (int): How many pictures to make.

    Attributes:
        folder (str | None): Folder of the labels in force; None for the given ones.
    """

    def __init__(
        self,
        dataset: EdgeDataset,
        image_pipeline: Sequence[dict],
        settings: RoundSettings,
        root: str,
        *,
        logger: MMLogger,
        show: Picture | None = None,
        num_pictures: int = 0,
    ) -> None:
        self.dataset = dataset
        self.settings = settings
        self.root = Path(root)
        self.logger = logger
        self.show = show
        self.num_pictures = num_pictures
        self.folder: str | None = None
        steps = dataset.pipeline.transforms
        self._place, self._given_steps = label_steps(steps)
        self._edges = next(s for s in flatten_transforms(steps) if isinstance(s, GenerateEdges))
        self.files = LabelFiles(dataset, instance_sensitive=settings.rule.instance_sensitive)
        self._pipeline = Compose(list(image_pipeline))

    def use(self, folder: str | None) -> None:
        """Put the labels of a round in force, or the given ones again.

        Workers hold copies of the dataset: start them anew afterwards.

        Args:
            folder (str | None): Folder of the round; None for the given labels.

        Raises:
            FileNotFoundError: If it is not there, whole.
        """
        loader = self._given_steps[0]
        if folder is not None:
            if not Path(folder, ROUND_FILE).is_file():
                raise FileNotFoundError(
                    f'Expected the aligned labels that this run was trained with in {folder}, but '
                    'they are not there; bring the folder back, or begin the run anew.'
                )
            loader = LoadAlignedLabels(self.files, str(folder))
        self.dataset.pipeline.transforms[self._place] = loader
        self.folder = None if folder is None else str(folder)

    def align_all(self, model: nn.Module, step: int) -> AlignmentSummary | None:
        """Align all labels with a model; every rank takes its share, and all must call.

        Args:
            model (nn.Module): The model, wrapped or not.
            step (int): Iterations that it was trained for; names the round.

        Returns:
            AlignmentSummary | None: What happened, the same on all ranks. None if a file could not
            be written or read: the old labels then stay in force, and the log says why.

        Raises:
            RuntimeError: If anything else went wrong on a rank.
        """
        final = self.root / f'iter_{step}'
        partial = self.root / f'iter_{step}.partial'
        started = time.monotonic()
        was_training = model.training
        model.eval()
        error, summary = None, AlignmentSummary()
        try:
            with _buffers_of_rank_zero(model):
                fingerprint = self._fingerprint(model)
                folder = self._prepare(final, partial, fingerprint)
                summary = self._align_share(model, folder, step)
        except Exception as failure:
            error = failure
            self.logger.error(traceback.format_exc())
        finally:
            model.train(was_training)
        total = self._agree(error, summary)
        if total is None:
            return None
        error = None
        if dist.get_rank() == 0 and folder != final:
            try:
                self._finish(final, partial, fingerprint, total)
            except Exception as failure:
                error = failure
        if self._agree(error, AlignmentSummary()) is None:
            return None
        self.use(str(final))
        self.logger.info(
            f'Labels of iteration {step} in force ({time.monotonic() - started:.0f} s): {final}; '
            f'{total}'
        )
        return total

    def _prepare(self, final: Path, partial: Path, fingerprint: str) -> Path:
        """Find or make the folder of the round: the same on all ranks."""
        # Ranks may read copies of the images, of other times.
        told: list = [None, str(partial)]
        if dist.get_rank() == 0:
            try:
                if not is_round(final, fingerprint) and not is_round(partial, fingerprint):
                    for old in (final, partial):
                        if old.exists():
                            shutil.rmtree(old)
                    partial.mkdir(parents=True)
                    write_round(partial, fingerprint=fingerprint)
                told[1] = str(final if is_round(final, fingerprint) else partial)
            except Exception as error:
                told[0] = error
        dist.broadcast_object_list(told)
        failure, folder = told
        if failure is not None:
            raise failure
        return Path(folder)

    def _align_share(self, model: nn.Module, folder: Path, step: int) -> AlignmentSummary:
        def align(index: int) -> dict:
            info = self.dataset.get_data_info(index)
            return self._align_one(model, folder, info, index < self.num_pictures)

        def kept(index: int) -> dict | None:
            info = self.dataset.get_data_info(index)
            if not self.files.is_written(str(folder), info):
                return None
            return self.files.read_report(str(folder), info)

        outcomes = run_job(
            Job(
                work=align,
                kept=kept,
                fatal=(Exception,),
                label=f'aligning labels at iteration {step}',
            ),
            range(len(self.dataset)),
            ranks=present_ranks(),
            progress=self.logger.info,
        )
        reports = {outcome.item: outcome.result for outcome in outcomes}
        # In the order of the images, so that a round that was cut off sums up to the same.
        summary = AlignmentSummary()
        for index in sorted(reports):
            summary += AlignmentSummary(**reports[index])
        return summary

    def _align_one(self, model: nn.Module, folder: Path, info: dict, show: bool) -> dict:
        prob = predict(model, self._pipeline, info['img_path'])
        results = self._load(info, tuple(prob.shape[1:]))
        given, instances = results['gt_seg_map'], results.get('gt_instance_map')
        if bool(prob.isfinite().all()):
            rule = self.settings.rule
            labels, ids, reports = align_label_map(
                given,
                prob,
                rule,
                self.settings.align,
                instance_map=instances,
                # By its files a dataset may know no background although K would stand for one.
                unclaimed=None if self.files.has_background else rule.ignore_index,
            )
            summary = AlignmentSummary.of(reports)
        else:
            labels, ids, summary = given, instances, AlignmentSummary(num_unpredicted=1)
        report = asdict(summary)
        self.files.write(str(folder), info, labels, ids, report)
        if show and self.show is not None:
            edges = [self._draw(results, *maps) for maps in ((given, instances), (labels, ids))]
            image = mmcv.imread(info['img_path'], channel_order='rgb')
            self.show(image, *edges, prob.float().cpu().numpy(), Path(info['img_path']).stem)
        return report

    def _load(self, info: dict, size: tuple[int, int]) -> dict:
        """The labels to start from."""
        steps = list(self._given_steps)
        if self.settings.start == 'last' and self.folder is not None:
            steps = [LoadAlignedLabels(self.files, self.folder)]
        results = dict(info, ori_shape=size, seg_fields=[])
        for step in steps:
            results = step.transform(results)
        return results

    def _draw(self, results: dict, labels: np.ndarray, instances: np.ndarray | None) -> np.ndarray:
        drawn = dict(results, gt_seg_map=labels, gt_instance_map=instances)
        return self._edges.transform(drawn)['gt_edge_map']

    def _finish(
        self, final: Path, partial: Path, fingerprint: str, total: AlignmentSummary
    ) -> None:
        """Check that the labels of all ranks are here, and rename the folder."""
        infos = (self.dataset.get_data_info(i) for i in range(len(self.dataset)))
        missing = sum(not self.files.is_written(str(partial), info) for info in infos)
        if missing:
            raise OSError(
                f'{missing} of {len(self.dataset)} aligned labels are not in {partial}: the work '
                'dir must be one folder that all ranks see.'
            )
        remove_partial_files(partial)
        write_round(
            partial,
            fingerprint=fingerprint,
            options=asdict(self.settings),
            summary=asdict(total),
        )
        partial.rename(final)

    def _agree(self, error: Exception | None, summary: AlignmentSummary) -> AlignmentSummary | None:
        """Collect the summaries of the ranks, or None if files failed on one of them."""
        failure = None if error is None else (isinstance(error, OSError), f'{error!r}')
        found = dist.all_gather_object((failure, asdict(summary)))
        failures = [(rank, *f) for rank, (f, _) in enumerate(found) if f is not None]
        if failures:
            text = '; '.join(f'rank {rank}: {what}' for rank, _, what in failures)
            if not all(is_file for _, is_file, _ in failures):
                raise RuntimeError(f'Aligning the labels failed ({text}).') from error
            self.logger.error(
                f'The labels could not be aligned, for a file failed ({text}). Training goes on '
                f'with the labels of {self.folder or "the dataset"}; the next round tries again. '
                'Free space, or fix the file, and resume the run to try at once.'
            )
            return None
        total = AlignmentSummary()
        for _, part in found:
            total += AlignmentSummary(**part)
        return total

    def _fingerprint(self, model: nn.Module) -> str:
        """Of all that decides the result: weights, options, files, labels to start from."""
        # Not `jobs.fingerprint`: weights are bytes that JSON does not hold, and a step of a
        # pipeline has any attributes. For the same reason no `jobs.Records` are kept: a label PNG
        # carries its own report, so that both appear at once and a round needs no second file.
        digest = hashlib.blake2b(digest_size=16)
        inner = getattr(model, 'module', model)
        for name, value in sorted(inner.state_dict().items()):
            digest.update(name.encode(errors='surrogateescape'))
            if isinstance(value, Tensor):
                flat = value.detach().cpu().contiguous().reshape(-1)
                digest.update(flat.view(torch.uint8).numpy().tobytes())
        start = self.folder if self.settings.start == 'last' else None
        infos = [self.dataset.get_data_info(i) for i in range(len(self.dataset))]
        paths = [info['img_path'] for info in infos]
        keys = ('img_path', *self.dataset.ANNOTATION_KEYS)
        stamps = [file_stamp(info[key]) for info in infos for key in keys if info.get(key)]
        steps = [(type(step).__name__, vars(step)) for step in self._given_steps]
        start = start and Path(start).name
        digest.update(repr((asdict(self.settings), start, paths, steps, stamps)).encode())
        return digest.hexdigest()


@torch.no_grad()
def predict(model: nn.Module, pipeline: Compose, img_path: str) -> Tensor:
    """Edge probabilities (K, H, W) of an image, at its original size."""
    data = pipeline(dict(img_path=img_path))
    return model.test_step(pseudo_collate([data]))[0].pred_edge_map.data


@contextmanager
def _buffers_of_rank_zero(model: nn.Module) -> Iterator[None]:
    """Let all ranks predict with the statistics of rank 0, which are those of a checkpoint."""
    if dist.get_world_size() == 1:
        yield
        return
    buffers = list(model.buffers())
    own = [buffer.clone() for buffer in buffers]
    for buffer in buffers:
        dist.broadcast(buffer, src=0)
    try:
        yield
    finally:
        for buffer, value in zip(buffers, own, strict=True):
            buffer.copy_(value)
