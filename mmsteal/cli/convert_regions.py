"""Make region maps for training: the outlines of all regions, without classes.

mmsteal convert-regions panoptic annotations/panoptic_train2017.json data/coco_regions \
    --images images/train2017
mmsteal convert-regions bsds BSDS500/data/groundTruth/train data/bsds_regions \
    --images BSDS500/data/images/train
mmsteal convert-regions masks ECSSD/masks data/ecssd_regions --images ECSSD/images

Writes labels/NAME.png (0 in a region, 255 where nobody knows) and instances/NAME.png, links the
images into images/, and lists the names in train.txt and val.txt. Maps of several annotators lie in
folders annotator_1/ ... below. A second call adds to the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.each_image import problems_told
from mmsteal.cli.user_errors import user_errors

if TYPE_CHECKING:
    from mmsteal.label_formats.region_maps import RegionMap


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal convert-regions',
        description='Make region maps for training a class-agnostic edge detector.',
    )
    parser.add_argument(
        'kind', choices=list(_READERS),
        help='panoptic: a JSON file of COCO, its PNGs in the folder of its name; bsds: a folder of '
        '.mat files; masks: a folder of PNGs, a region for each value',
    )  # fmt: skip
    parser.add_argument('source', help='the annotations')
    parser.add_argument('out', help='folder of the set')
    parser.add_argument('--images', required=True, help='folder of the photographs')
    parser.add_argument(
        '--gap-px', type=float, default=4.0,
        help='unlabelled gaps up to twice as wide go to the nearest region (default: 4)',
    )  # fmt: skip
    parser.add_argument(
        '--hold-out', type=int, default=5, metavar='N',
        help='every Nth image of the set goes to val.txt, not train.txt; 0: none (default: 5)',
    )  # fmt: skip
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    from PIL import Image
    from tqdm import tqdm

    from mmsteal.files import remove_partial_files, write_file
    from mmsteal.jobs import check_out_dir
    from mmsteal.label_formats.image_files import IMAGE_SUFFIXES, find_files
    from mmsteal.label_formats.label_maps import encode_png

    with problems_told() as problems, user_errors():
        out = Path(args.out)
        sources = {'photographs': args.images, 'annotations': args.source}
        check_out_dir(out, ('images', 'labels', 'instances'), sources, inside=True)
        remove_partial_files(out)  # of a run that was killed
        images = find_files(Path(args.images), IMAGE_SUFFIXES, what='photographs')
        done = False
        for photo, name, regions in tqdm(_READERS[args.kind](args, problems), unit='map'):
            if photo not in images:
                problems[name] = f'Expected the photograph {photo} in {args.images}.'
                continue
            _link(images[photo], out / 'images' / f'{name}{images[photo].suffix}')
            write_file(out / 'labels' / f'{name}.png', encode_png(Image.fromarray(regions.labels)))
            write_file(
                out / 'instances' / f'{name}.png', encode_png(Image.fromarray(regions.instances))
            )
            done = True
        if problems and not done:
            raise ValueError(next(iter(problems.values())))
        train, val = _split(
            sorted(find_files(out / 'labels', ('.png',), what='labels')), args.hold_out
        )
        write_file(out / 'train.txt', ''.join(f'{name}\n' for name in train))
        write_file(out / 'val.txt', ''.join(f'{name}\n' for name in val))
        print(f'{len(train)} maps to train, {len(val)} to choose by; written to {args.out}')


@contextmanager
def _told(problems: dict[str, str], path: Path | str) -> Iterator[None]:
    """Whatever is wrong with a file is told, and the others are done."""
    try:
        yield
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        known = isinstance(error, ValueError | OSError)
        problems[str(path)] = str(error) if known else f'{type(error).__name__}: {error}'


def _panoptic(
    args: argparse.Namespace, problems: dict[str, str]
) -> Iterator[tuple[str, str, RegionMap]]:
    """Photograph, name and regions of each image of a panoptic JSON file."""
    import numpy as np

    from mmsteal.files import path_under
    from mmsteal.input_files import load_image, parse_json
    from mmsteal.label_formats.region_maps import panoptic_ids, region_map

    source = Path(args.source)
    try:
        annotations = list(parse_json(source.read_bytes())['annotations'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'Expected {source} to be a panoptic JSON file of COCO, but got '
            f'{type(error).__name__}: {error}.'
        ) from error
    for number, entry in enumerate(annotations):
        regions = None
        with _told(problems, f'{source}, annotation {number}'):
            path = path_under(source.with_suffix(''), entry['file_name'], links=False)
            ids = panoptic_ids(np.array(load_image(path)))
            crowds = [s['id'] for s in entry['segments_info'] if s.get('iscrowd')]
            regions = region_map(ids, unknown=crowds, gaps=(0,), gap_px=args.gap_px)
        if regions is not None:
            yield path.stem, path.stem, regions


def _bsds(
    args: argparse.Namespace, problems: dict[str, str]
) -> Iterator[tuple[str, str, RegionMap]]:
    """Photograph, name and regions of every annotator of BSDS."""
    from mmsteal.label_formats.image_files import find_files
    from mmsteal.label_formats.region_maps import annotator_ids, region_map

    for name, path in find_files(Path(args.source), ('.mat',), what='annotations').items():
        maps = []
        with _told(problems, path):
            maps = [region_map(ids) for ids in annotator_ids(path)]
        for number, regions in enumerate(maps, start=1):
            yield name, f'annotator_{number}/{name}', regions


def _masks(
    args: argparse.Namespace, problems: dict[str, str]
) -> Iterator[tuple[str, str, RegionMap]]:
    """Photograph, name and regions of each mask."""
    from mmsteal.label_formats.image_files import find_files
    from mmsteal.label_formats.label_files import read_label_file
    from mmsteal.label_formats.region_maps import region_map

    for name, path in find_files(Path(args.source), ('.png',), what='masks').items():
        regions = None
        with _told(problems, path):
            regions = region_map(read_label_file(path).astype(int))
        if regions is not None:
            yield name, name, regions


_READERS = {'panoptic': _panoptic, 'bsds': _bsds, 'masks': _masks}


def _split(names: list[str], every: int) -> tuple[list[str], list[str]]:
    """Names to train on, and every Nth photograph to choose by; its annotators stay together."""
    if every == 0:
        return names, []
    photos = sorted({name.rpartition('/')[2] for name in names})
    held_out = set(photos[every - 1 :: every])
    val = [name for name in names if name.rpartition('/')[2] in held_out]
    return [name for name in names if name not in val], val


def _link(image: Path, place: Path) -> None:
    """Link an image into the set; where the system has no links, copy it."""
    import shutil

    if place.exists() and place.samefile(image):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(image.resolve())
    except OSError:
        shutil.copyfile(image, place)
