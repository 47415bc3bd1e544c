"""Evaluate a trained model: python tools/test.py CONFIG CHECKPOINT."""

import argparse
import os

from mmengine.config import ConfigDict, DictAction
from mmengine.runner import Runner

from mmsteal.apis import load_run_config
from mmsteal.compat import finish_distributed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Evaluate an edge detector.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path of the trained weights')
    parser.add_argument('--data-root', help="folder of the data set, in place of the config's")
    parser.add_argument('--work-dir', help='where the log goes')
    parser.add_argument('--out', help='write predictions here, one grey PNG per class and image')
    parser.add_argument('--show-dir', help='write pictures of the predictions here')
    parser.add_argument('--tta', action='store_true', help='average over flips and scales')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction,
        help='values to set in the config: key=value with dotted keys',
    )  # fmt: skip
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    args = parse_args()
    if not os.path.isfile(args.checkpoint) and '://' not in args.checkpoint:
        raise SystemExit(f'Expected a checkpoint at {args.checkpoint}, but there is none.')
    if args.show_dir and args.launcher != 'none':
        raise SystemExit('--show-dir draws on one rank only: leave the launcher out, or use --out.')
    cfg = load_run_config(
        args.config,
        work_dir=args.work_dir,
        launcher=args.launcher,
        data_root=args.data_root,
        cfg_options=args.cfg_options,
    )
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
    Runner.from_cfg(cfg).test()
    finish_distributed()


if __name__ == '__main__':
    main()
