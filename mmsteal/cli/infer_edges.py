"""Edges of one image or a folder: mmsteal infer CONFIG CHECKPOINT IMAGE OUT."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mmsteal.cli.command import command
from mmsteal.cli.config_arguments import (
    add_cfg_options,
    add_config_argument,
    add_trust_checkpoint,
)
from mmsteal.cli.each_image import problems_told
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog='mmsteal infer', description='Predict semantic edges.')
    add_config_argument(parser)
    parser.add_argument('checkpoint', help='path of the trained weights')
    parser.add_argument('image', help='an image, or a folder of images')
    parser.add_argument('out', help='folder for class_001/NAME.png ... and overlay/NAME.png')
    parser.add_argument('--device', help="'cpu', 'cuda:0', ...; default: a GPU where there is one")
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with problems_told() as skipped, user_errors():
        from mmsteal.apis import EdgeInferencer

        check_out(args.image, args.out)
        inferencer = EdgeInferencer(
            args.config, args.checkpoint, args.device, cfg_options=args.cfg_options
        )
        many = os.path.isdir(args.image)  # of a single image there is nothing else to be done
        inferencer(args.image, out_dir=args.out, skipped=skipped if many else None)
        print(f'classes: {", ".join(inferencer.classes)}\nwritten to {args.out}')


def check_out(image: str, out: str) -> None:
    """Refuse to write over the images, before the model is loaded; tidy up.

    Raises:
        ValueError: If a folder that is written to is the one of the images.
    """
    from mmsteal.files import remove_partial_files
    from mmsteal.jobs import check_out_dir

    # Only what is there can hold the images.
    classes = [folder.name for folder in Path(out).glob('class_*')]
    check_out_dir(out, ['overlay', *classes], {'images': image}, inside=True)
    remove_partial_files(out)  # of a run that was killed
