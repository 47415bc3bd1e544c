"""Arguments that name a data set and a protocol, which the commands about boundaries share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmsteal.evaluation import BoundaryProtocol
    from mmsteal.file_evaluation import GroundTruth

# As in the library, which takes a second to import.
KINDS = ('sbd', 'cityscapes', 'bsds', 'folder', 'edges')
PROTOCOLS = ('sbd', 'seal', 'cityscapes', 'bsds')


def add_ground_truth_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`ground_truth_from` and :func:`image_names_from` read."""
    group = parser.add_argument_group('ground truth')
    group.add_argument(
        '--data', nargs=2, required=True, metavar=('KIND', 'ROOT'),
        help=f'kind of data set, one of {", ".join(KINDS)}, and its folder; folder: label PNGs, '
        'edges: edge maps made before (class_001/*.png ... or *.bin)',
    )  # fmt: skip
    group.add_argument('--split', help='part of the set (default: val; of bsds: test)')
    group.add_argument('--list', help='text file with the names of the images to take')
    group.add_argument('--names', nargs='+', help='names of the classes of folder and edges')
    group.add_argument('--instances', help='folder of instance PNGs, of folder')
    group.add_argument(
        '--label-values', nargs='+', type=int, help='value of each class in the label PNGs'
    )
    group.add_argument(
        '--background', nargs='+', type=int, default=[], help='values of pixels of no class'
    )
    group.add_argument('--ignore', nargs='+', type=int, default=[], help='values to ignore')


def ground_truth_from(args: argparse.Namespace) -> GroundTruth:
    """The data set that the arguments name.

    Raises:
        FileNotFoundError: If a part of it is missing.
        ValueError: If the arguments do not go together.
    """
    from mmsteal.file_evaluation import open_ground_truth

    return open_ground_truth(
        *args.data,
        split=args.split,
        class_names=args.names or (),
        instances=args.instances,
        label_values=args.label_values,
        background=args.background,
        ignore_values=args.ignore,
    )


def image_names_from(args: argparse.Namespace, truth: GroundTruth) -> list[str] | None:
    """Names in the file of `--list`, of images of the set; None without one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no list; named.
    """
    if args.list is None:
        return None
    from mmsteal.label_formats.image_files import IMAGE_SUFFIXES
    from mmsteal.text_lists import read_names

    return read_names(args.list, set(truth.names).__contains__, suffixes=IMAGE_SUFFIXES)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`protocol_from` reads."""
    group = parser.add_argument_group('protocol; what is not given is as published')
    group.add_argument(
        '--protocol', choices=[*PROTOCOLS, 'none'],
        help="default: the data set's own; none: start from the defaults of BoundaryProtocol",
    )  # fmt: skip
    group.add_argument('--mode', choices=['thin', 'raw'], default='thin')
    group.add_argument(
        '--max-dist', nargs='+', type=float, default=[],
        help='tolerances, as fractions of the image diagonal',
    )  # fmt: skip
    group.add_argument('--thresholds', type=int, help='number of thresholds (default: 99)')
    group.add_argument(
        '--margin', nargs='+', type=int, metavar='PX',
        help='pixels to cut at the evaluation size: one number, or top bottom left right',
    )  # fmt: skip
    group.add_argument('--radius', type=float, help='radius of the true band in px')
    group.add_argument('--scale', type=float, help='evaluate at this fraction of the size')
    group.add_argument('--nms', action='store_true', help='suppress non-maxima first ("Test NMS")')
    flag = argparse.BooleanOptionalAction
    for name, text in (
        ('instance-sensitive', 'edges between instances of one class count'),
        ('stored', 'compare with the boundaries stored in the data set'),
        ('drop-interior', 'drop predictions deep inside the class'),
        ('skip-absent', 'leave images without the class out'),
        ('class-agnostic', 'one boundary for all classes'),
        ('resize', 'resize predictions of another size'),
    ):
        group.add_argument(f'--{name}', action=flag, default=None, help=text)


def protocol_from(args: argparse.Namespace) -> BoundaryProtocol:
    """The protocol that the arguments ask for, with the first tolerance.

    Raises:
        ValueError: If a value is out of its range, or the protocol has no such mode.
    """
    from mmsteal.evaluation import boundary_protocol

    kind = args.data[0]
    name = args.protocol or (kind if kind in PROTOCOLS else None)
    stored = True if kind == 'edges' and args.stored is None else args.stored
    return boundary_protocol(
        None if name == 'none' else name,
        args.mode,
        max_dist=args.max_dist[0] if args.max_dist else None,
        thresholds=args.thresholds,
        margin=_margin(args.margin),
        radius=args.radius,
        scale=args.scale,
        test_nms=args.nms or None,
        instance_sensitive=args.instance_sensitive,
        stored=stored,
        drop_interior=args.drop_interior,
        skip_absent=args.skip_absent,
        class_agnostic=args.class_agnostic,
        resize=args.resize,
    )


def _margin(values: Sequence[int] | None) -> int | tuple[int, ...] | None:
    if values is None:
        return None
    if len(values) not in (1, 4):
        raise ValueError(
            f'Expected one margin, or four (top bottom left right), but got {list(values)}.'
        )
    return values[0] if len(values) == 1 else tuple(values)
