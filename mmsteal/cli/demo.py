"""The whole story in minutes, on a small set that is made for it.

Train STEAL on noisy labels that align themselves, judge it, repair coarse labels, write a report.

mmsteal demo [--work-dir work_dirs/demo] [--max-iters 800]

It can be killed at any time: run again, it resumes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal demo', description='Train and judge STEAL on a generated set.'
    )
    parser.add_argument('--work-dir', default='work_dirs/demo', help='where everything goes')
    parser.add_argument(
        '--config', default='mmsteal::steal_demo_aligned.py', help='config to train'
    )
    parser.add_argument('--num-train', type=int, default=240, help='training images')
    parser.add_argument('--num-val', type=int, default=60, help='validation images')
    parser.add_argument('--noise-px', type=float, default=4.0, help='error of the training labels')
    parser.add_argument('--seed', type=int, default=0, help='seed of the set')
    parser.add_argument('--max-iters', type=int, help="iterations, in place of the config's")
    return parser


@command(again='the same command resumes')
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        from mmsteal.demo import DemoOptions, run_demo

    run_demo(DemoOptions(**vars(args)))
