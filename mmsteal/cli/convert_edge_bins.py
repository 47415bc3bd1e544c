"""Convert the uint32 label files of CASENet and SEAL to one PNG per class, or back.

mmsteal convert-edge-bins labels/ edges/ --names road car --images img/
mmsteal convert-edge-bins edges/ labels/ --names road car

The .bin files have no header, so the size of each comes from the image of the same name.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmsteal.cli.command import command
from mmsteal.cli.each_image import do_each, problems_told
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal convert-edge-bins',
        description='Convert uint32 edge labels to PNGs, or back.',
    )
    parser.add_argument('source', help='folder of .bin files, or of class_001/*.png ...')
    parser.add_argument('out', help='folder for the files')
    parser.add_argument('--names', nargs='+', required=True, help='names of the classes')
    parser.add_argument('--images', help='folder of the images, for the sizes of .bin files')
    parser.add_argument(
        '--size', nargs=2, type=int, metavar=('HEIGHT', 'WIDTH'), help='if all have one size'
    )
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with problems_told() as problems:
        with user_errors():
            convert(args, problems)
        print(f'written to {args.out}')


def convert(args: argparse.Namespace, problems: dict[str, str]) -> None:
    """Convert whatever the source holds; what is wrong with an image goes into `problems`."""
    from mmsteal.files import remove_partial_files
    from mmsteal.jobs import check_out_dir
    from mmsteal.pairing import list_files

    check_out_dir(
        args.out,
        [f'class_{k + 1:03d}' for k in range(len(args.names))],
        {'images': args.images},
        inside=True,
    )
    remove_partial_files(args.out)  # of a run that was killed
    if Path(args.source).is_dir() and list_files(Path(args.source), ('.bin',)):
        bins_to_pngs(args, problems)
    else:
        pngs_to_bins(args, problems)


def bins_to_pngs(args: argparse.Namespace, problems: dict[str, str]) -> None:
    """Write `class_001/NAME.png` ... for each `NAME.bin`."""
    from mmsteal.edge_files import read_edge_bin, write_edge_pngs
    from mmsteal.jobs import writing_to
    from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, image_size
    from mmsteal.pairing import FilePairs, list_files

    source = Path(args.source)
    if (args.images is None) == (args.size is None):
        raise ValueError('Expected --images or --size: .bin files do not know their size.')
    bins = list_files(source, ('.bin',))
    images = list_files(Path(args.images), IMAGE_SUFFIXES) if args.images else {}
    pairs = FilePairs(images, bins)

    def write(name: str) -> None:
        path = bins[name]
        size = tuple(args.size or ())
        if not size:
            image_path = pairs.find(name)
            if image_path is None:
                raise FileNotFoundError(f'Expected the image of {path} in {args.images}.')
            size = image_size(image_path)
        edges = read_edge_bin(path, len(args.names), size)
        with writing_to(args.out):
            write_edge_pngs(args.out, name, edges)

    do_each(list(bins), write, problems)


def pngs_to_bins(args: argparse.Namespace, problems: dict[str, str]) -> None:
    """Write `NAME.bin` for the PNGs of all classes of an image."""
    from mmsteal.edge_files import PredictionFolder, read_edge_pngs, write_edge_bin
    from mmsteal.files import path_under
    from mmsteal.jobs import writing_to

    folder = PredictionFolder(args.source, args.names)

    def write(name: str) -> None:
        edges = read_edge_pngs(folder, name)
        with writing_to(args.out):
            write_edge_bin(path_under(args.out, f'{name}.bin'), edges)

    do_each(folder.names(), write, problems)
