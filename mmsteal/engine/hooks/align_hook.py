"""What the hooks that move labels while training share: when, by whom, and what is reported."""

from __future__ import annotations

from dataclasses import asdict

import mmengine.dist as dist
import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from mmsteal.engine.alignment.aligner import Aligner
from mmsteal.engine.alignment.masks import LabelRule, edge_heads
from mmsteal.engine.alignment.summary import AlignmentSummary
from mmsteal.visualization.edge_colors import relative_strength


class AlignHook(Hook):
    """Base of the hooks that align labels: an aligner on the edge heads from an iteration on.

    A subclass makes its :class:`Aligner` in `before_train` and keeps it as `_batch`.

    Args:
        begin (int): Iterations to train on the given labels first.
        interval (int): Iterations between two summaries in the log and, with `num_pictures`,
            pictures.
        num_pictures (int): Above 0 for pictures of given, aligned and predicted edges, side by
            side, for the visualizer.

    Raises:
        ValueError: If an option is out of its range.
    """

    # After the checkpoint of the iteration, so that a round that is cut off has one to resume from.
    priority = 'LOWEST'

    def __init__(self, begin: int, interval: int, num_pictures: int) -> None:
        for name, value, least in (
            ('begin', begin, 0),
            ('interval', interval, 1),
            ('num_pictures', num_pictures, 0),
        ):
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f'Expected argument `{name}` to be an integer, at least {least}, '
                    f'but got {value!r}.'
                )
        self.begin = begin
        self.interval = interval
        self.num_pictures = num_pictures
        self._batch: Aligner | None = None
        self._installed = False

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Install the aligner when its time has come."""
        if self._batch is None or runner.iter < self.begin:
            return
        if not self._installed:
            runner.logger.info(
                f'{type(self).__name__}: labels of every batch are aligned from iteration '
                f'{runner.iter} on'
            )
            self._install(runner, self._batch)
        self._batch.show = self.num_pictures > 0 and self._is_due(runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Report what the aligner did."""
        if self._batch is not None and runner.iter >= self.begin:
            self._report_batch(runner, self._batch, data_batch)

    def after_train(self, runner: Runner) -> None:
        """Leave the model as it was."""
        if self._installed:
            self._install(runner, None)

    def _rule(self, runner: Runner, dataset) -> LabelRule:
        """How the pipeline draws the edges that the model learns."""
        heads = edge_heads(_inner(runner.model))
        names = getattr(dataset, 'metainfo', {}).get('classes') or ()
        return LabelRule.of_pipeline(_transforms(dataset), heads[0].num_classes, len(names))

    def _warn_if_too_late(self, runner: Runner) -> None:
        if self.begin >= runner.max_iters:
            runner.logger.warning(
                f'{type(self).__name__}: `begin`, {self.begin}, is not before the end of the '
                f'training, {runner.max_iters}: no labels will be aligned.'
            )

    def _is_due(self, step: int) -> bool:
        return step >= self.begin and (step - self.begin) % self.interval == 0

    def _install(self, runner: Runner, aligner: Aligner | None) -> None:
        for head in edge_heads(_inner(runner.model)):
            head.aligner = aligner
        self._installed = aligner is not None

    def _report_batch(self, runner: Runner, aligner: Aligner, data_batch: dict | None) -> None:
        for name, value in summary_scalars(aligner.latest).items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if aligner.shown is not None and data_batch is not None:
            image = _as_rgb(data_batch['inputs'][0])
            height, width = image.shape[:2]
            panels = [p[:, :height, :width].float().cpu().numpy() for p in aligner.shown]
            self._draw(runner, image, *panels, 'batch')
        if (runner.iter + 1 - self.begin) % self.interval == 0 or (
            runner.iter + 1 == runner.max_iters
        ):
            parts = dist.all_gather_object(asdict(aligner.summary))
            total = sum((AlignmentSummary(**part) for part in parts), AlignmentSummary())
            runner.logger.info(f'{type(self).__name__}: since the last summary {total}')
            aligner.summary = AlignmentSummary()

    @staticmethod
    def _draw(
        runner: Runner,
        image: np.ndarray,
        given: np.ndarray,
        aligned: np.ndarray,
        predicted: np.ndarray,
        name: str,
    ) -> None:
        """Given, aligned and predicted edges side by side."""
        draw = getattr(runner.visualizer, 'draw_edges', None)
        if draw is None or dist.get_rank() != 0:
            return
        labels = [np.where(edges == 255, 0, edges).astype(np.float32) for edges in (given, aligned)]
        panels = [*labels, relative_strength(predicted)]
        picture = np.concatenate([draw(image, panel) for panel in panels], axis=1)
        runner.visualizer.add_image(f'aligned_{name}', picture, step=runner.iter + 1)


def summary_scalars(summary: AlignmentSummary) -> dict[str, float]:
    """What goes to the log and its curves."""
    return {
        'align.moved': summary.moved / max(summary.num_masks, 1),
        'align.rejected': summary.rejected / max(summary.num_masks, 1),
        'align.moved_px': summary.mean_px,
        'align.gain': summary.loss_before - summary.loss_after,
    }


def _inner(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model


def _transforms(dataset) -> list:
    """Steps of the pipeline of a dataset, or of the first one in a wrapper."""
    while not hasattr(dataset, 'pipeline') and (
        hasattr(dataset, 'dataset') or hasattr(dataset, 'datasets')
    ):
        dataset = dataset.datasets[0] if hasattr(dataset, 'datasets') else dataset.dataset
    return getattr(getattr(dataset, 'pipeline', None), 'transforms', [])


def _as_rgb(image: Tensor) -> np.ndarray:
    """An input of the preprocessor, (3, H, W) uint8 BGR as mmcv loads it, as (H, W, 3) RGB."""
    return np.ascontiguousarray(image.detach().cpu().numpy().transpose(1, 2, 0)[..., ::-1])
