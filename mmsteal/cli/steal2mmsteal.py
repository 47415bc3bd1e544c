"""Convert the weights of a released STEAL model into a checkpoint for this package.

mmsteal convert-released checkpoints/sbd/model_checkpoint.pt steal_sbd.pth
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal convert-released', description='Convert released STEAL weights.'
    )
    parser.add_argument('source', help='released file, such as checkpoints/sbd/model_checkpoint.pt')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument(
        '--config',
        help='config of the model; default: mmsteal::released_steal_cityscapes.py for 19 '
        'classes, mmsteal::released_steal_sbd.py otherwise',
    )
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        from mmsteal.apis.run_config import find_config
        from mmsteal.files import remove_partial_files
        from mmsteal.jobs import check_out_file
        from mmsteal.models.released_checkpoint import (
            convert_released_checkpoint,
            read_released_checkpoint,
            released_num_classes,
        )

        check_out_file(args.out, {'the released one': args.source})
        remove_partial_files(args.out)  # of a run that was killed
        config = args.config
        if config is None:
            num_classes = released_num_classes(read_released_checkpoint(args.source))
            name = 'cityscapes' if num_classes == 19 else 'sbd'
            config = f'mmsteal::released_steal_{name}.py'
        convert_released_checkpoint(args.source, args.out, find_config(config))
    print(f'written to {args.out}, for {config}')
