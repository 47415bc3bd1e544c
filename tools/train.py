"""Train a model: python tools/train.py CONFIG."""

import argparse
import os

from mmengine.config import DictAction
from mmengine.runner import Runner

from mmsteal.apis import load_run_config
from mmsteal.compat import finish_distributed


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train an edge detector (or any mmseg config).')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--data-root', help="folder of the data set, in place of the config's")
    parser.add_argument('--work-dir', help='where logs and checkpoints go')
    parser.add_argument(
        '--resume', nargs='?', const='auto',
        help='go on from the last checkpoint of the work dir, or from the one given',
    )  # fmt: skip
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
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
    cfg = load_run_config(
        args.config,
        work_dir=args.work_dir,
        launcher=args.launcher,
        data_root=args.data_root,
        cfg_options=args.cfg_options,
        amp=args.amp,
        training=True,
    )
    if args.resume is not None:
        cfg.resume = True
        if args.resume != 'auto':
            cfg.load_from = args.resume
    Runner.from_cfg(cfg).train()
    finish_distributed()


if __name__ == '__main__':
    main()
