"""The rival of active alignment: labels move pixel by pixel while the network trains (SEAL)."""

from __future__ import annotations

from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmsteal.engine.alignment.assignment import AssignmentAligner
from mmsteal.engine.hooks.align_hook import AlignHook
from mmsteal.functional.alignment.assign_options import AssignOptions
from mmsteal.functional.options import change_options


@HOOKS.register_module()
class AssignmentAlignHook(AlignHook):
    """Learn the edges that a one-to-one assignment makes of the labels of each batch.

    At every iteration from `begin` on, the edge pixels of each class move to likely edge pixels
    within a window, by the logits that the head has just computed; see
    :func:`mmsteal.functional.assign_edges`. Nothing is remembered from one
    iteration to the next, and any dataset whose pipeline has :class:`GenerateEdges` will do.

    Args:
        begin (int): Iterations to train on the given labels first, until the scores
            flatten.
        interval (int): Iterations between two summaries in the log and, with `num_pictures`,
            pictures.
        assign (dict | None): :class:`mmsteal.functional.AssignOptions` by name, such as
            `dict(sigma_across=3.0)`.
        num_pictures (int): Above 0 for pictures of given, aligned and predicted edges, side by
            side, of one image each interval, for the visualizer.

    Raises:
        ValueError: If an option is out of its range, or the model or the pipeline do not fit;
            before the first iteration.
        TypeError: If `assign` has an option that does not exist; those that do are listed.
    """

    def __init__(
        self,
        *,
        begin: int,
        interval: int = 1000,
        assign: dict | None = None,
        num_pictures: int = 1,
    ) -> None:
        super().__init__(begin, interval, num_pictures)
        self.options = change_options(AssignOptions(), assign or {})

    def before_train(self, runner: Runner) -> None:
        """Check what can be checked before hours are spent."""
        rule = self._rule(runner, runner.train_dataloader.dataset)
        self._warn_if_too_late(runner)
        self._batch = AssignmentAligner(rule, self.options)
