"""Give exact labels the boundary error of coarse ones (section 4.1 of the paper), in any format.

mmsteal simulate --format cityscapes --labels data/cityscapes \
    --error-px 4 8 16 32 --out work_dirs/coarse

writes OUT/4px, OUT/8px, ... in the same format, and OUT/clicks.csv: what an annotator would have
clicked for each image. With these, `mmsteal refine` can be judged on labels whose truth is known.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmsteal.cli.format_arguments import add_format, nested
from mmsteal.cli.user_errors import user_errors


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


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit status 1 where labels were left out."""
    args = build_parser().parse_args(argv)
    with user_errors():
        problems = simulate(args)
    for problem in problems:
        print(f'left out: {problem}', file=sys.stderr)
    raise SystemExit(1 if problems else 0)


def simulate(args: argparse.Namespace) -> list[str]:
    """Write the coarse labels; what was left out, and why."""
    from tqdm import tqdm

    from mmsteal.functional import simulate_coarse_objects
    from mmsteal.label_formats import FormatSpec, LabelError
    from mmsteal.label_formats.annotation import counted
    from mmsteal.label_formats.set_checks import require_objects_in_set, require_photographs

    out, labels = Path(args.out).resolve(), Path(args.labels).resolve()
    if labels in (out, *out.parents):
        raise ValueError(f'Expected --out not to be inside the labels, {labels}, but got {out}.')
    options = nested(args.format_options)
    if args.images:
        options['images'] = args.images
    source = FormatSpec(args.format, args.labels, options).open()
    require_photographs(source.items())
    require_objects_in_set(source, source.items())
    problems = [str(problem) for problem in source.problems()]
    done, rows = [], []
    unread: Counter[str] = Counter()
    for item in tqdm(source.items(), unit='image'):
        try:
            annotation = source.read(item)
        except LabelError as error:
            problems.append(str(error))
            continue
        for error_px in args.error_px:
            coarse, clicks = simulate_coarse_objects(
                annotation.object_map,
                error_px,
                direction=args.direction,
                # An image is drawn the same, whichever others there are.
                seed=zlib.crc32(f'{args.seed} {item.name}'.encode()),
            )
            # What no outline covers is unlabelled; a polygon behind it was not drawn there.
            source.write(item, annotation, coarse, out / f'{error_px:g}px', beneath=False)
            rows.append([item.name, f'{error_px:g}', sum(n > 0 for n in clicks), sum(clicks)])
        done.append(item)
        unread.update(annotation.unread)
    if not done:
        raise ValueError(f'Expected labels at {labels}, but there are none that can be read: '
                         f'{problems[:3]}.')  # fmt: skip
    for error_px in args.error_px:
        source.finish(out / f'{error_px:g}px', done)
        clicks = [row[3] for row in rows if row[1] == f'{error_px:g}']
        print(f'{error_px:g} px: {len(clicks)} images, {sum(clicks) / max(len(clicks), 1):.1f} '
              'clicks an image')  # fmt: skip
    if unread:
        print(f'no objects, kept as they are: {counted(unread)}')
    write_clicks(out / 'clicks.csv', rows)
    return problems


def write_clicks(path: Path, rows: list[list]) -> None:
    """One line an image and error."""
    from mmsteal.files import whole_file

    with whole_file(path) as partial, open(partial, 'w', newline='') as file:
        csv.writer(file).writerows([['image', 'error_px', 'objects', 'clicks'], *rows])
