"""Checkpoints that a kill, at any moment, neither halves nor loses."""

from __future__ import annotations

import os.path as osp
from collections import deque
from collections.abc import Iterable
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmsteal.files import remove_partial_files, whole_file, write_file


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """Save checkpoints as mmengine's hook does, in an order that survives a kill.

    A checkpoint gets its name when all of it is on the disk. Only then `last_checkpoint` names it,
    and only then older ones are removed; so there is one to resume from at any time. The best one
    is written before the checkpoint that knows of it, and the one before is removed last.

    A checkpoint says whether its validation has been held. Training that resumes from one that was
    cut off from it holds it first, so the best checkpoint is the one of an uninterrupted run. What
    was to be removed when the run was killed is removed then.

    Args:
        **kwargs: Those of :class:`mmengine.hooks.CheckpointHook`. Where `out_dir` is no local
            folder its store must write whole files by itself.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Of the checkpoint that is written, and after a resume of the one that was read.
        self._validated = False
        self._superseded: list[str] = []
        # Iteration, or epoch, of the last checkpoint.
        self._last_step: int | None = None

    def before_train(self, runner: Runner) -> None:
        """Finish what a kill has cut off."""
        super().before_train(runner)
        if is_main_process() and self._is_local:
            remove_partial_files(self.out_dir)
        if runner.iter == 0:
            # Weights to start from may come from another run, whose files are not this one's.
            self._validated, self._superseded, self._last_step = False, [], None
            return
        if self.max_keep_ckpts > 0:  # the others have just been removed
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self._find_best_again(runner)
        self._remove(self._superseded)
        self._superseded = []
        step = runner.epoch if self.by_epoch else runner.iter
        path = self._path(self.filename_tmpl.format(step))
        if self.file_backend.exists(path):
            self.last_ckpt, self._last_step = path, step
            if is_main_process():
                write_file(osp.join(runner.work_dir, 'last_checkpoint'), path)
        if not self._validated and self._validation_is_due(runner):
            runner.logger.info(
                'WholeCheckpointHook: the run was stopped before the validation of this checkpoint '
                'had ended; it is held now'
            )
            runner.val_loop.run()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Say what is left to do when training resumes from it."""
        checkpoint[type(self).__name__] = dict(
            validated=self._validated, superseded=self._superseded
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Remember it until the training begins."""
        state = checkpoint.get(type(self).__name__, {})
        self._validated = state.get('validated', False)
        self._superseded = state.get('superseded', [])

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Save a checkpoint when it is due, by iterations."""
        if self.by_epoch:
            return
        due = self.every_n_train_iters(runner, self.interval, self.save_begin)
        if due or (self.save_last and self.is_last_train_iter(runner)):
            step = runner.iter + 1
            runner.logger.info(f'Saving checkpoint at {step} iterations')
            self._save(runner, step, dict(epoch=runner.epoch, iter=step))

    def after_train_epoch(self, runner: Runner) -> None:
        """Save a checkpoint when it is due, by epochs."""
        if not self.by_epoch:
            return
        due = self.every_n_epochs(runner, self.interval, self.save_begin)
        if due or (self.save_last and self.is_last_train_epoch(runner)):
            step = runner.epoch + 1
            runner.logger.info(f'Saving checkpoint at {step} epochs')
            self._save(runner, step, dict(epoch=step, iter=runner.iter))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Save the best checkpoints, and then that the validation was held."""
        if not hasattr(self, 'file_backend'):
            return  # a validation without training
        if not metrics:
            runner.logger.warning(
                'There are no metrics, so this validation makes no checkpoint the best one.'
            )
            metrics = {}
        step = runner.epoch if self.by_epoch else runner.iter
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        self._validated = True
        superseded = self._save_bests(runner, metrics, step, meta)
        if self.last_ckpt is not None and (superseded is not None or self._last_step == step):
            self._superseded = superseded or []
            self._save(runner, step, meta, validated=True)
        self._remove(superseded or [])
        self._validated, self._superseded = False, []

    def _save(self, runner: Runner, step: int, meta: dict, *, validated: bool = False) -> None:
        """Write a checkpoint to resume from, name it as the last one, remove those before."""
        self._validated = validated
        kept = [step]
        if self.max_keep_ckpts > 0:
            kept = [*(number for number in self.keep_ckpt_ids if number != step), step]
            # With those that are to go, so that a run that is killed here removes them later.
            runner.message_hub.update_info('keep_ckpt_ids', list(kept))
        filename = self.filename_tmpl.format(step)
        self.last_ckpt, self._last_step = self._path(filename), step
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._write(
            runner, filename, meta, by_epoch=self.by_epoch, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, **self.args,
        )  # fmt: skip
        if is_main_process():
            write_file(osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)
        if self.max_keep_ckpts > 0:
            old, kept = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
            self._remove(map(self.filename_tmpl.format, old))
            self.keep_ckpt_ids = deque(kept, self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))

    def _save_bests(
        self, runner: Runner, metrics: dict[str, float], step: int, meta: dict
    ) -> list[str] | None:
        """Write the checkpoints that are the best by now; the names of those that they replace.

        None if there is no new one.
        """
        if not self.save_best or not metrics:
            return None
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        superseded: list[str] | None = None
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            ending = f'_{key}' if len(self.key_indicators) > 1 else ''
            best = self.init_value_map[rule]
            if f'best_score{ending}' in runner.message_hub.runtime_info:
                best = runner.message_hub.get_info(f'best_score{ending}')
            score = metrics[key]
            if score is None or not self.is_better_than[key](score, best):
                continue
            superseded = [] if superseded is None else superseded
            old, name = self._best_path(key), f'best_{key}_{self.filename_tmpl.format(step)}'
            name = name.replace('/', '_')
            # The best one of a run elsewhere, from which this one has resumed, is not ours.
            if old and osp.dirname(old) == str(self.out_dir) and osp.basename(old) != name:
                superseded.append(osp.basename(old))
            self._set_best_path(runner, key, self._path(name))
            runner.message_hub.update_info(f'best_score{ending}', score)
            self._write(
                runner, name, dict(meta), by_epoch=False, save_optimizer=False,
                save_param_scheduler=False,
            )  # fmt: skip
            what = 'epochs' if self.by_epoch else 'iterations'
            runner.logger.info(
                f'The best checkpoint with {score:0.4f} {key} at {step} {what} is saved to {name}.'
            )
        return superseded

    def _write(self, runner: Runner, filename: str, meta: dict, **options: Any) -> None:
        options.update(
            file_client_args=self.file_client_args, backend_args=self.backend_args, meta=meta
        )
        if not self._is_local or not is_main_process():
            runner.save_checkpoint(self.out_dir, filename, **options)
            return
        with whole_file(self._path(filename)) as partial:
            runner.save_checkpoint(str(partial.parent), partial.name, **options)

    def _remove(self, filenames: Iterable[str]) -> None:
        if not is_main_process():
            return
        for path in map(self._path, filenames):
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                self.file_backend.rmtree(path)

    def _best_path(self, key: str) -> str | None:
        if len(self.key_indicators) == 1:
            return self.best_ckpt_path
        return self.best_ckpt_path_dict.get(key)

    def _set_best_path(self, runner: Runner, key: str, path: str) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
            runner.message_hub.update_info('best_ckpt', path)
        else:
            self.best_ckpt_path_dict[key] = path
            runner.message_hub.update_info(f'best_ckpt_{key}', path)

    def _find_best_again(self, runner: Runner) -> None:
        """The work dir may have been moved since its checkpoints were written."""
        for key in self.key_indicators if self.save_best else ():
            old = self._best_path(key)
            here = self._path(osp.basename(old)) if old else None
            if here is not None and here != old and self.file_backend.exists(here):
                self._set_best_path(runner, key, here)

    def _path(self, filename: str) -> str:
        return self.file_backend.join_path(self.out_dir, filename)

    @property
    def _is_local(self) -> bool:
        return isinstance(self.file_backend, LocalBackend)

    def _validation_is_due(self, runner: Runner) -> bool:
        """Whether an uninterrupted run holds a validation at this iteration or epoch."""
        loop = runner.train_loop
        if self.by_epoch and isinstance(loop, EpochBasedTrainLoop):
            step, last = loop.epoch, loop.max_epochs
        elif not self.by_epoch and isinstance(loop, IterBasedTrainLoop):
            step, last = loop.iter, loop.max_iters
        else:
            return False
        if runner.val_loop is None:
            return False
        loop._decide_current_val_interval()
        return step >= loop.val_begin and (step % loop.val_interval == 0 or step == last)
