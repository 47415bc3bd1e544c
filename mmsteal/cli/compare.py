"""Compare labels with others of the same images: is it better, and where is it worst.

mmsteal compare work_dirs/refined/labels data/exact --baseline data/coarse \
    --format png --format-options background=0

docs/comparison.md explains the numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmsteal.cli.command import command
from mmsteal.cli.format_arguments import add_format, nested
from mmsteal.cli.user_errors import tell_problems, user_errors
from mmsteal.cli.worker_arguments import add_workers

if TYPE_CHECKING:
    from mmsteal.comparison import LabelComparison
    from mmsteal.label_formats import LabelFormat


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal compare',
        description='Compare two sets of labels of the same images.',
        epilog='See docs/comparison.md.',
    )
    group = parser.add_argument_group('labels')
    group.add_argument('labels', help='where the labels to judge are (coco: the JSON)')
    group.add_argument('reference', help='exact labels, or those of others; a sample will do')
    add_format(group, required=True, what='the labels')
    group.add_argument(
        '--images', help='folder of the images, where the formats need it; png does not'
    )
    add_format(group, '--reference-format', what='the reference, if it is another one')
    group.add_argument(
        '--baseline', help='the labels as they were before, in the format of the labels'
    )
    group = parser.add_argument_group('comparison')
    group.add_argument('--classes', nargs='+', metavar='NAME', help='only these')
    group.add_argument(
        '--tolerance-px', type=float, default=2.0,
        help='how far apart outlines may be to agree, for the boundary F (2)',
    )  # fmt: skip
    group.add_argument(
        '--instances', action='store_true',
        help='outlines between two objects of one class count, too',
    )  # fmt: skip
    group.add_argument('--worst', type=int, default=10, metavar='N', help='images to list (10)')
    group.add_argument(
        '--out', nargs='+', default=[], metavar='FILE', help='also write all numbers: .csv, .json'
    )
    add_workers(group)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit status 1 where something could not be compared."""
    args = build_parser().parse_args(argv)
    with user_errors():
        comparison = compare(args)
        report(comparison, args)
    raise SystemExit(1 if comparison.problems else 0)


def compare(args: argparse.Namespace) -> LabelComparison:
    """The comparison that the arguments ask for."""
    import torch

    from mmsteal.comparison import compare_labels
    from mmsteal.comparison.report import check_report_name
    from mmsteal.files import remove_partial_files
    from mmsteal.jobs import check_out_file

    for name, value, least in (('worst', args.worst, 0), ('workers', args.workers, 1)):
        if value < least:
            raise ValueError(f'Expected --{name} to be at least {least}, but got {value}.')
    for path in args.out:
        check_report_name(path)
        sources = {'labels': args.labels, 'reference': args.reference, 'baseline': args.baseline}
        check_out_file(path, {f'that of the {role}': source for role, source in sources.items()})
        remove_partial_files(path)  # of a run that was killed
    torch.set_num_threads(1)  # the images are what runs in parallel
    options = nested(args.format_options)
    other = nested(args.reference_format_options)
    if args.reference_format in (None, args.format):
        # Where the instances are is told for each set of labels.
        other = {key: value for key, value in options.items() if key != 'instances'} | other
    labels = open_labels(args.format, args.labels, options, args.images)
    reference = open_labels(
        args.reference_format or args.format, args.reference, other, args.images
    )
    comparison = compare_labels(
        labels,
        reference,
        baseline=args.baseline and open_labels(
            args.format, args.baseline,
            {key: value for key, value in options.items() if key != 'instances'}, args.images,
        ),
        classes=args.classes,
        tolerance_px=args.tolerance_px,
        instances=args.instances,
        num_workers=args.workers,
        progress=True,
    )  # fmt: skip
    if not any(image.classes for image in comparison.images):
        raise ValueError(
            f'Expected objects in {args.labels} or in {args.reference}, but there is none in any '
            f'of {len(comparison.images)} images, so nothing is compared. {labels.held} '
            f'{reference.held}'.rstrip()
        )
    return comparison


def open_labels(
    name: str, root: str, options: Mapping[str, Any], images: str | None
) -> LabelFormat:
    """Labels of a format; those of PNGs do without images."""
    from mmsteal.label_formats import FormatSpec

    options = dict(options)
    if images is not None:
        options['images'] = images
    elif name == 'png' and 'images' not in options:
        # A label map has the size that the format asks of the image.
        options.update(images=root, image_suffix=options.get('label_suffix', '.png'))
    return FormatSpec(name, root, options).open()


def report(comparison: LabelComparison, args: argparse.Namespace) -> None:
    """Print the tables, write the files."""
    from mmsteal.comparison import class_table, image_table, write_comparison

    print(f'{len(comparison.images)} images of {args.labels} compared with {args.reference}'
          f'{f", before: {args.baseline}" if args.baseline else ""}; IoU and F in percent, F '
          f'within {args.tolerance_px:g} px')  # fmt: skip
    print(class_table(comparison))
    for names, where in (
        (comparison.only_in_labels, 'the reference does'),
        (comparison.only_in_reference, 'the labels do'),
    ):
        if names:
            print(f'left out, since {where} not know them: {", ".join(names)}')
    if comparison.num_unchecked:
        print(f'{comparison.num_unchecked} more images are not in the reference')
    if comparison.ignored_share:
        print(f'the labels ignore {100 * comparison.ignored_share:.2f} % of the pixels that the '
              'reference knows; they do not count')  # fmt: skip
    if args.worst and comparison.worst():
        print('\nworst images:')
        print(image_table(comparison, comparison.worst()[: args.worst]))
    if comparison.has_baseline:
        worse = comparison.got_worse()
        better = sum(image.change > 0 for image in comparison.images)
        same = len(comparison.images) - better - len(worse)
        print(f'\nsince before {better} images got better, {len(worse)} got worse, {same} are '
              'the same')  # fmt: skip
        if worse and args.worst:
            print('images that got worse:')
            print(image_table(comparison, worse[: args.worst]))
    written = [str(write_comparison(comparison, path)) for path in args.out]
    if written:
        print(f'written: {", ".join(written)}')
    tell_problems('not compared:', comparison.problems)
