"""Change a parameter of a loss at an iteration."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from mmsteal.models.losses.edge_loss import EdgeLoss


@HOOKS.register_module()
class LossScheduleHook(Hook):
    """Set attributes of losses from given iterations on.

    STEAL's recipe for SBD sets beta = 0 at 20k iterations (section 4):
    `dict(type='LossScheduleHook', schedule=[dict(begin=20000, loss='BalancedBCELoss', beta=0.)])`.
    By the letter of Eq. 1 that removes the edge term; the configs go to 0.5 (unweighted) instead.
    The values follow from the iteration alone, so a resumed run continues as it would have.

    Args:
        schedule (Sequence[dict]): Each entry has `begin` (iteration, counted from 0), `loss` (the
            class name of the loss) and the attributes to set. Where entries overlap the latest
            `begin` wins.

    Raises:
        ValueError: If an entry is incomplete, or the model has no such loss or attribute.
    """

    def __init__(self, schedule: Sequence[dict]) -> None:
        for entry in schedule:
            if not {'begin', 'loss'} < set(entry):
                raise ValueError(
                    'Expected every entry of `schedule` to have `begin`, `loss` and at least one '
                    f"attribute, as in dict(begin=20000, loss='BalancedBCELoss', beta=0.0), but "
                    f'got {dict(entry)}.'
                )
        self.schedule = sorted((dict(entry) for entry in schedule), key=lambda e: e['begin'])
        self._next = 0

    def before_train(self, runner: Runner) -> None:
        """Check the names before hours are spent, and catch up after a resume."""
        self._next = 0
        for entry in self.schedule:
            for loss, name, value in self._targets(runner, entry):
                trial = deepcopy(loss)
                setattr(trial, name, value)
                if isinstance(trial, EdgeLoss):
                    trial.check_options()
        self._catch_up(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Apply the entries whose time has come."""
        self._catch_up(runner)

    def _catch_up(self, runner: Runner) -> None:
        while self._next < len(self.schedule) and runner.iter >= self.schedule[self._next]['begin']:
            entry = self.schedule[self._next]
            for module, name, value in self._targets(runner, entry):
                setattr(module, name, value)
            runner.logger.info(f'LossScheduleHook: {entry}')
            self._next += 1

    @staticmethod
    def _targets(runner: Runner, entry: dict) -> list[tuple[nn.Module, str, object]]:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        losses = [m for m in model.modules() if type(m).__name__ == entry['loss']]
        values = {k: v for k, v in entry.items() if k not in ('begin', 'loss')}
        for name in values:
            if not losses or not all(hasattr(loss, name) for loss in losses):
                raise ValueError(
                    f'Expected the model to have a loss {entry["loss"]} with the attribute '
                    f'{name!r}, as the schedule {entry} asks, but it has none; fix the schedule '
                    'or `loss_decode`.'
                )
        return [(loss, name, value) for loss in losses for name, value in values.items()]
