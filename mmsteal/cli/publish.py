"""Make a checkpoint small enough to hand on: half precision, without what only training needs.

mmsteal publish work_dirs/steal_lite0_coco/iter_800.pth edges.pth
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal publish', description='Weights of a checkpoint in half precision.'
    )
    parser.add_argument('source', help='checkpoint of a run')
    parser.add_argument('out', help='file to write')
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        from pathlib import Path

        from mmsteal import mm_stack  # noqa: F401
        from mmsteal.files import remove_partial_files
        from mmsteal.jobs import check_out_file
        from mmsteal.models.half_precision import write_half_precision

        check_out_file(args.out, {'the checkpoint itself': args.source})
        remove_partial_files(args.out)  # of a run that was killed
        write_half_precision(args.source, args.out)
    print(f'written to {args.out}, {Path(args.out).stat().st_size / 1e6:.1f} MB')
