"""Active alignment: labels move to the predicted edges while the network trains."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from typing import Literal

from mmengine.dataset import RepeatDataset
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmsteal.datasets import EdgeDataset
from mmsteal.datasets.transforms.image_steps import image_steps
from mmsteal.engine.alignment.batch import BatchAligner
from mmsteal.engine.alignment.dataset import DatasetAligner, RoundSettings
from mmsteal.engine.alignment.restart import restart_dataloader
from mmsteal.engine.hooks.align_hook import AlignHook, summary_scalars
from mmsteal.functional.alignment.align_options import AlignOptions
from mmsteal.functional.options import change_options

FOLDER = 'aligned_labels'


@HOOKS.register_module()
class LevelSetAlignHook(AlignHook):
    r"""Alternate between training and moving the labels (Eq. 14) from an iteration on.

    Each mask of the labels evolves as a level set towards the predicted edges, and the step whose
    outline is most likely is taken (Eq. 15), unless a guard rail forbids it; see
    :func:`mmsteal.functional.align_masks`.

    Scopes:

    - `'dataset'`, as in the paper: every `interval` iterations each rank refines its share of the
      training labels at the original size of the images and writes them as label PNGs under
      `work_dir/aligned_labels/iter_N/`; when all are there, they are put in force at once. The
      given labels are never touched. A killed run resumes the round, and ends with
      the same labels. If the files cannot be written, the labels in force stay.
    - `'batch'`: at every iteration, the labels of the batch, from the logits that the head has just
      computed. No second forward pass, no storage; nothing is remembered from one iteration to the
      next.

    The edges are drawn by the rule of the pipeline's :class:`GenerateEdges`: its radius, its
    instances.

    Args:
        begin (int): Iterations to train on the given labels first, until the scores flatten: the
            :math:`\lambda = \infty` of section 3.6.1.
        interval (int): Scope `'dataset'`: iterations between two rounds. Scope `'batch'`:
            iterations between two summaries in the log and, with `num_pictures`, pictures.
        scope (str): `'dataset'` or `'batch'`.
        error_px (float | None): The error that the labels are known to have, in px (of the labels
            as the scope sees them: for `'batch'` after the augmentation). No outline may move
            further than twice that. None: no limit.
        align (dict | None): :class:`mmsteal.functional.AlignOptions` by name, such as
            `dict(num_iters=50, balloon=0, lam=1.0, smoothing=2)`. A `max_displacement_px` here
            goes before `error_px`. `min_gain` is 0 here if nothing is said: Eq. 15 knows no margin,
            and a network in training gains too little along an outline for that of refinement.
        start (str): Where a round of scope `'dataset'` starts: `'given'`: from the given labels,
            as Eq. 15 has it: the evolved label stays a version of what an annotator drew, the
            limit of displacement holds over all rounds, and an error does not grow from round to
            round. `'last'`: from the labels of the round before; the limit then holds for each
            round alone.
        num_pictures (int): Pictures of given, aligned and predicted edges, side by side, for the
            visualizer: of that many images each round, or of one image each interval.
        pipeline (Sequence[dict] | None): Steps from the path of an image to the input of the model.
            None: those of the test pipeline.

    Raises:
        ValueError: If an option is out of its range, or the model, the dataset or its pipeline do
            not fit; before the first iteration.
        TypeError: If `align` has an option that does not exist; those that do are listed.
    """

    def __init__(
        self,
        *,
        begin: int,
        interval: int = 5000,
        scope: Literal['dataset', 'batch'] = 'dataset',
        error_px: float | None = None,
        align: dict | None = None,
        start: Literal['given', 'last'] = 'given',
        num_pictures: int = 4,
        pipeline: Sequence[dict] | None = None,
    ) -> None:
        super().__init__(begin, interval, num_pictures)
        for name, value, known in (
            ('scope', scope, ('dataset', 'batch')),
            ('start', start, ('given', 'last')),
        ):
            if value not in known:
                raise ValueError(
                    f'Expected argument `{name}` to be one of {known}, but got {value!r}.'
                )
        if error_px is not None and not error_px >= 0:
            raise ValueError(
                'Expected argument `error_px` to be a number of pixels, at least 0, or None, but '
                f'got {error_px!r}.'
            )
        self.scope = scope
        self.options = change_options(AlignOptions(min_gain=0.0), align or {})
        if error_px is not None:
            self.options = self.options.within_error(error_px)
        self.start = start
        self.pipeline = pipeline
        self._dataset: DatasetAligner | None = None
        # The last round that succeeded: its iteration, and the folder of its labels.
        self._round: int | None = None
        self._folder: str | None = None

    def before_train(self, runner: Runner) -> None:
        """Check what can be checked before hours are spent, and take up what was going on."""
        dataset = runner.train_dataloader.dataset
        if self.scope == 'dataset':
            dataset = _edge_dataset(dataset)
        rule = self._rule(runner, dataset)
        self._warn_if_too_late(runner)
        if self.scope == 'batch':
            self._batch = BatchAligner(rule, self.options)
            return
        if not isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                "Expected an IterBasedTrainLoop for LevelSetAlignHook(scope='dataset'), but got "
                f"{type(runner.train_loop).__name__}; set train_cfg, or use scope='batch'."
            )
        self._dataset = DatasetAligner(
            dataset,
            self.pipeline if self.pipeline is not None else _test_steps(runner),
            RoundSettings(rule, self.options, self.start),
            osp.join(runner.work_dir, FOLDER),
            logger=runner.logger,
            show=lambda *panels: self._draw(runner, *panels),
            num_pictures=self.num_pictures,
        )
        self._take_up(runner)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Scope 'batch': report. Scope 'dataset': hold a round when it is due."""
        if self._dataset is not None:
            step = runner.iter + 1
            # After the last iteration there is nobody left to learn from the labels.
            if self._is_due(step) and step < runner.max_iters:
                self._hold_round(runner, step)
                restart_dataloader(runner.train_loop, step)
        else:
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Say which labels were in force."""
        checkpoint[type(self).__name__] = dict(round=self._round, folder=self._folder)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember it until the training begins."""
        state = checkpoint.get(type(self).__name__, {})
        self._round, self._folder = state.get('round'), state.get('folder')

    def _take_up(self, runner: Runner) -> None:
        """Put the labels of the checkpoint in force, and hold the round that was cut off."""
        if runner.iter == 0:
            # Weights to start from may come from another run, whose labels are not this one's.
            self._round = self._folder = None
        elif self._folder is not None:
            # The work dir may have been moved since.
            here = osp.join(runner.work_dir, FOLDER, osp.basename(self._folder))
            self._folder = here if osp.isdir(here) else self._folder
            self._dataset.use(self._folder)
            runner.logger.info(f'LevelSetAlignHook: labels of {self._folder} in force again')
        due = runner.iter - (runner.iter - self.begin) % self.interval
        late = self._round is None or self._round < due
        if runner.iter >= self.begin and late and runner.iter < runner.max_iters:
            self._hold_round(runner, runner.iter)
        if self._folder is not None:
            restart_dataloader(runner.train_loop, 0)  # the loop itself goes on to its place

    def _hold_round(self, runner: Runner, step: int) -> None:
        runner.logger.info(f'LevelSetAlignHook: aligning the training labels at iteration {step}')
        summary = self._dataset.align_all(runner.model, step)
        if summary is not None:
            self._round, self._folder = step, self._dataset.folder
            runner.visualizer.add_scalars(summary_scalars(summary), step=step)


def _edge_dataset(dataset) -> EdgeDataset:
    while isinstance(dataset, RepeatDataset):
        dataset = dataset.dataset
    if not isinstance(dataset, EdgeDataset):
        raise ValueError(
            'Expected the training dataset to be an EdgeDataset (SBDEdgeDataset, ...), whose '
            f'labels can be aligned, but got {type(dataset).__name__}.'
        )
    return dataset


def _test_steps(runner: Runner) -> list[dict]:
    for loader in ('test_dataloader', 'val_dataloader'):
        if runner.cfg.get(loader):
            return image_steps(runner.cfg[loader].dataset.pipeline)
    raise ValueError(
        "Expected the config to have a test pipeline, by which LevelSetAlignHook(scope='dataset') "
        'prepares images, but it has none; set the `pipeline` of the hook.'
    )
