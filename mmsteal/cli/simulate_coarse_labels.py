"""Give exact labels the boundary error of coarse ones (section 4.1 of the paper), in any format.

mmsteal simulate --format cityscapes --labels data/cityscapes \
    --error-px 4 8 16 32 --out work_dirs/coarse

writes OUT/4px, OUT/8px, ... in the same format, and OUT/clicks.csv: what an annotator would have
clicked for each image. Killed, the same command resumes. With these, `mmsteal refine` can be
judged on labels whose truth is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.format_arguments import add_format, nested
from mmsteal.cli.user_errors import user_errors

if TYPE_CHECKING:
    from mmsteal.refinement.simulate_folder import SimulateSummary


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog='mmsteal simulate', description='Simulate coarse labels.')
    add_format(parser, required=True, what='the labels')
    parser.add_argument('--labels', required=True, help='where the labels are (coco: the JSON)')
    parser.add_argument('--images', help='folder of the images, where the format needs it')
    parser.add_argument('--error-px', type=float, nargs='+', required=True, help='largest error')
    parser.add_argument(
        '--direction', choices=['inside', 'outside', 'both'], default='inside',
        help='outlines are too small (inside, the default, as in the paper), too large, or both',
    )  # fmt: skip
    parser.add_argument('--seed', type=int, default=0, help='of the direction both (0)')
    parser.add_argument('--out', required=True, help='folder of the results, not inside the labels')
    return parser


@command(again='the same command resumes')
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit status 1 where labels were left out."""
    args = build_parser().parse_args(argv)
    from mmsteal.label_formats.annotation import counted

    with user_errors():
        summary = simulate(args)
    if summary.num_skipped:
        print(f'{summary.num_skipped} images were done by an earlier run')
    for error_px, clicks in summary.clicks.items():
        print(f'{error_px:g} px: {summary.num_images} images, {clicks:.1f} clicks an image')
    if summary.unread:
        print(f'no objects, kept as they are: {counted(summary.unread)}')
    for problem in summary.problems:
        print(f'left out: {problem}', file=sys.stderr)
    raise SystemExit(1 if summary.problems else 0)


def simulate(args: argparse.Namespace) -> SimulateSummary:
    """The run that the arguments ask for."""
    from mmsteal.label_formats import FormatSpec
    from mmsteal.refinement.simulate_folder import SimulateSettings, simulate_folder

    options = nested(args.format_options)
    if args.images:
        options['images'] = args.images
    settings = SimulateSettings(
        FormatSpec(args.format, args.labels, options),
        args.out,
        tuple(dict.fromkeys(args.error_px)),
        direction=args.direction,
        seed=args.seed,
    )
    return simulate_folder(settings)
