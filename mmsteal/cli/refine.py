"""Repair the labels of a segmentation data set.

mmsteal refine --format labelme --labels data/photos --out work_dirs/refined

mmsteal refine --format cityscapes --labels data/cityscapes --out work_dirs/refined \
    --format-options annotation=gtCoarse split=train_extra \
    --config CONFIG --checkpoint CHECKPOINT --scale 0.5 --error-px 16

docs/refinement.md explains formats, guard rails, resuming and the reports.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.edge_arguments import (
    add_edge_arguments,
    add_engine_arguments,
    engine_of_arguments,
    parse_edge_arguments,
)
from mmsteal.cli.format_arguments import add_format, nested
from mmsteal.cli.user_errors import tell_problems, user_errors
from mmsteal.cli.worker_arguments import available_cores

if TYPE_CHECKING:
    from mmsteal.refinement import RefineSummary


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal refine',
        description='Repair segmentation labels.',
        epilog='See docs/refinement.md.',
    )
    group = parser.add_argument_group('labels')
    add_format(group, required=True, what='the labels')
    group.add_argument('--labels', required=True, help='where the labels are (coco: the JSON)')
    group.add_argument('--images', help='folder of the images, where the format needs it')
    group.add_argument('--out', required=True, help='folder for the results, apart from the labels')
    add_format(group, '--to', what='the results, if it is another one')
    group.add_argument(
        '--gaps', choices=['background', 'unlabelled'],
        help='what pixels of no object are; unlabelled ones are filled near objects. Default: '
        'unlabelled for cityscapes, otherwise background',
    )  # fmt: skip
    add_edge_arguments(parser, category='CATEGORY')
    add_engine_arguments(parser).add_argument(
        '--independent', action='store_true',
        help='every image speaks for itself; default: how far and which way outlines are off is '
        'measured on 30 images, and all images take it into account',
    )  # fmt: skip
    group = parser.add_argument_group('run')
    group.add_argument(
        '--choices', metavar='choices.json',
        help='what was accepted and rejected on the contact sheet of this run',
    )  # fmt: skip
    group.add_argument('--workers', type=int, help='processes; default: one a core, 8 at most')
    group.add_argument('--overwrite', action='store_true', help='do all images again')
    group.add_argument(
        '--contact-sheet', type=int, default=24, metavar='N',
        help='images on the page of the most doubtful ones (24); 0: no page',
    )  # fmt: skip
    group.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    return parser


@command(again='the same command resumes')
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit status 1 where images could not be refined."""
    args = parse_edge_arguments(build_parser(), argv)
    from mmsteal.jobs import finish_distributed

    with user_errors():
        summary = refine(args)
        finish_distributed()
    if summary is not None:
        report(summary)
        raise SystemExit(1 if summary.errors else 0)


def refine(args: argparse.Namespace) -> RefineSummary | None:
    """The run that the arguments ask for; its summary on the first rank."""
    import torch

    from mmsteal.edge_files import EdgeFolder
    from mmsteal.jobs import join_ranks
    from mmsteal.jobs.workers import use_one_thread
    from mmsteal.label_formats import FormatSpec
    from mmsteal.refinement import RefineSettings, refine_folder
    from mmsteal.refinement.choices import read_choices
    from mmsteal.refinement.class_mapping import parse_class_map
    from mmsteal.refinement.refine_folder import check_places
    from mmsteal.refinement.settings import GRADIENT

    ranks = join_ranks(args.launcher)
    options = nested(args.format_options)
    if args.images is not None:
        options['images'] = args.images
    source = FormatSpec(args.format, args.labels, options)
    # Wrong folders are told before a model is loaded.
    check_places(source, args.out, args.edges)
    source.open()
    if args.to in (None, args.format):
        if args.to_options:
            raise ValueError('Expected --to-options with another format in --to only.')
        target = None
    else:
        target = FormatSpec(args.to, None, nested(args.to_options))
        target.open()
    model, hashes = None, {}
    if args.config is not None:
        # Only a model needs the mm stack.
        from mmsteal.apis.model_edges import ModelEdges

        device = args.device
        if device is None and torch.cuda.is_available():
            device = f'cuda:{ranks.local_rank % torch.cuda.device_count()}'
        model = ModelEdges(args.config, args.checkpoint, device, cfg_options=args.cfg_options)
        names, hashes = args.edge_classes or model.names, model.hashes
    elif args.edges is not None:
        names = EdgeFolder(args.edges, args.edge_classes, label_format=args.format).names
    else:
        names = args.edge_classes or (GRADIENT,)
    settings = RefineSettings(
        source=source,
        out_dir=args.out,
        edge_names=tuple(names),
        edges=args.edges,
        model=hashes,
        target=target,
        class_map=parse_class_map(args.class_map),
        scale=args.scale,
        error_px=args.error_px,
        options=engine_of_arguments(args),
        independent=args.independent,
        choices={} if args.choices is None else read_choices(args.choices),
        background=None if args.gaps is None else args.gaps == 'background',
    )
    workers = args.workers
    if workers is None:
        workers = min(8, max(1, available_cores() // ranks.local_world))
    if workers == 0 and model is None:
        use_one_thread()
    if ranks.rank == 0:
        print(f'edge maps: {", ".join(settings.edge_names)}', flush=True)
    return refine_folder(
        settings,
        predict=model,
        ranks=ranks,
        num_workers=workers,
        overwrite=args.overwrite,
        contact_sheet=args.contact_sheet,
    )


def report(summary: RefineSummary) -> None:
    """Print what was done."""
    from tqdm import tqdm

    from mmsteal.label_formats.annotation import counted

    earlier = f', {summary.num_skipped} of them by an earlier run' if summary.num_skipped else ''
    print(f'{summary.num_done} of {summary.num_images} images done{earlier}, '
          f'{tqdm.format_interval(summary.seconds)}')  # fmt: skip
    for what, number in summary.objects.items():
        print(f'  {number:8d} objects {what}')
    if summary.num_empty:
        print(f'images without objects: {summary.num_empty}')
    if summary.unread:
        left = 'not in the results' if summary.unread_dropped else 'kept as they are'
        print(f'no objects, {left}: {counted(summary.unread)}')
    if summary.error_px is not None:
        least, median, most = summary.error_px.values()
        print(f'error of the outlines: {least:.1f} to {most:.1f} px, median {median:.1f}')
    if summary.without_edge_map:
        print(f'without an edge map, left as they are: {", ".join(summary.without_edge_map)}')
    print(f'written: {", ".join(str(Path(file)) for file in summary.files)}')
    tell_problems('ERROR', summary.errors, more='see report.json')
