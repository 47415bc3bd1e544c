"""Train a model: mmsteal train CONFIG."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.config_arguments import (
    add_cfg_options,
    add_config_argument,
    add_data_root,
    add_launcher_arguments,
    add_trust_checkpoint,
    set_local_rank,
)
from mmsteal.cli.user_errors import user_errors

if TYPE_CHECKING:
    from mmengine.config import Config


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal train', description='Train an edge detector (or any mmseg config).'
    )
    add_config_argument(parser)
    add_data_root(parser)
    parser.add_argument('--work-dir', help='where logs and checkpoints go')
    parser.add_argument(
        '--resume', nargs='?', const='auto',
        help='resume from the last checkpoint of the work dir, or from the one given',
    )  # fmt: skip
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    add_launcher_arguments(parser)
    return parser


@command(again='--resume goes on from the last checkpoint')
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    set_local_rank(args)
    with user_errors():
        from mmsteal.apis import build_runner, load_run_config

        cfg = load_run_config(
            args.config,
            work_dir=args.work_dir,
            launcher=args.launcher,
            data_root=args.data_root,
            cfg_options=args.cfg_options,
            amp=args.amp,
            training=True,
        )
        set_checkpoint(cfg, args.resume)
    from mmsteal.jobs import finish_distributed, one_run

    first = int(os.environ.get('RANK', os.environ.get('SLURM_PROCID', 0))) == 0
    with one_run(cfg.work_dir) if first or args.launcher == 'none' else nullcontext():
        build_runner(cfg).train()
        finish_distributed()


def set_checkpoint(cfg: Config, resume: str | None) -> None:
    """Tell the runner which checkpoint to resume from.

    Args:
        cfg (Config): Of the run; changed in place.
        resume (str | None): A checkpoint, `'auto'` for the last one, or None for what the config
            says.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If none of the run can be read.
    """
    from mmsteal.apis.last_checkpoint import last_checkpoint

    if resume not in (None, 'auto'):
        if '://' not in str(resume) and not os.path.exists(str(resume)):
            raise FileNotFoundError(
                f'Expected a checkpoint at {os.path.abspath(str(resume))}, but there is none.'
            )
        cfg.load_from = resume
    if resume is not None:
        cfg.resume = True
    if cfg.get('resume') and cfg.get('load_from') is None:
        cfg.load_from = last_checkpoint(cfg.work_dir)
        cfg.resume = cfg.load_from is not None
