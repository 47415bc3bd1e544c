"""Evaluate a trained model: mmsteal test CONFIG CHECKPOINT."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

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


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal test', description='Evaluate a trained edge detector.'
    )
    add_config_argument(parser)
    parser.add_argument('checkpoint', help='path of the trained weights')
    add_data_root(parser)
    parser.add_argument('--work-dir', help='where the log goes')
    parser.add_argument('--out', help='write predictions here, one grey PNG per class and image')
    parser.add_argument('--show-dir', help='write pictures of the predictions here')
    parser.add_argument('--tta', action='store_true', help='average over flips and scales')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    add_launcher_arguments(parser)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    set_local_rank(args)
    if not os.path.isfile(args.checkpoint) and '://' not in args.checkpoint:
        raise SystemExit(f'Expected a checkpoint at {args.checkpoint}, but there is none.')
    if args.show_dir and args.launcher != 'none':
        raise SystemExit('--show-dir draws on one rank only: leave the launcher out, or use --out.')
    with user_errors():
        from mmsteal.apis import build_runner, load_run_config

        cfg = load_run_config(
            args.config,
            work_dir=args.work_dir,
            launcher=args.launcher,
            data_root=args.data_root,
            cfg_options=args.cfg_options,
        )
    from mmengine.config import ConfigDict

    from mmsteal.jobs import finish_distributed

    cfg.load_from = args.checkpoint
    # The checkpoint brings the weights; fetching pre-trained ones first would be for nothing.
    cfg.model.backbone.init_cfg = None
    if args.tta:
        if 'tta_pipeline' not in cfg:
            raise SystemExit(f'{args.config} has no `tta_pipeline`; --tta needs one.')
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    if args.out:
        cfg.custom_hooks = [
            *cfg.get('custom_hooks', []), dict(type='EdgeDumpHook', out_dir=args.out)
        ]  # fmt: skip
    cfg.default_hooks.visualization.draw = bool(args.show_dir)
    if args.show_dir:
        cfg.default_hooks.visualization.interval = 1
        cfg.visualizer['save_dir'] = args.show_dir
        cfg.visualizer['vis_backends'] = [dict(type='LocalVisBackend')]
    build_runner(cfg).test()
    finish_distributed()
