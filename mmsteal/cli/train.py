"""Train a model: mmsteal train CONFIG."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.config_arguments import (
    add_cfg_options,
    add_config_argument,
    add_data_root,
    add_launcher_arguments,
    set_local_rank,
)
from mmsteal.cli.user_errors import user_errors


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
    add_cfg_options(parser)
    add_launcher_arguments(parser)
    return parser


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
    from mmsteal.jobs import finish_distributed

    if args.resume is not None:
        cfg.resume = True
        if args.resume != 'auto':
            cfg.load_from = args.resume
    build_runner(cfg).train()
    finish_distributed()
