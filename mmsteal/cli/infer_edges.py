"""Edges of one image or a folder: mmsteal infer IMAGE [OUT].

mmsteal infer photo.jpg
mmsteal infer photos/ edges/ --config CONFIG --checkpoint CHECKPOINT
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from mmsteal.cli.command import command
from mmsteal.cli.each_image import problems_told
from mmsteal.cli.edge_arguments import add_model_arguments, check_model_arguments
from mmsteal.cli.user_errors import user_errors
from mmsteal.weights import EDGES


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal infer',
        description='Predict edges: of any object by the model in the package, or semantic ones '
        'by a model of yours.',
    )
    parser.add_argument('image', help='an image, or a folder of images')
    parser.add_argument(
        'out', nargs='?', default='edges',
        help='folder for class_001/NAME.png ... and overlay/NAME.png (default: edges)',
    )  # fmt: skip
    add_model_arguments(parser, default=EDGES)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = build_parser()
    args = parser.parse_args(argv)
    check_model_arguments(parser, args)
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
