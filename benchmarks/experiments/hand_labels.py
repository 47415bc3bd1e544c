"""Labels that people drew in a hurry, repaired without a model that was trained on them.

python benchmarks/experiments/hand_labels.py --root MSRC --out work_dirs/hand_labels

MSRC v2 has coarse labels by hand, whose strokes stop short of the borders, and pixel-accurate ones
of some of the images (`SegmentationsGTHighQuality`). Unless told otherwise the edge map is the
color gradient of the photograph, the same for every class. That is as little evidence as there can
be, so this asks above all whether the guard rails keep labels from getting worse.

IoU with the pixel-accurate labels of each object (a color of the label file in an image), on
pixels that these label.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from edge_evidence import GRADIENT, HELP, open_evidence, require_evidence
from grabcut import grabcut
from numpy.typing import NDArray
from PIL import Image
from tables import markdown_lines, write_results

from mmsteal.functional import REFINE_OPTIONS, label_objects, refine_objects
from mmsteal.functional.refinement.refine_engines import EngineOptions, default_options

AS_DRAWN, GRABCUT, NO_EDGES = 'as drawn', 'GrabCut, ring of 24 px', '-'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', required=True, help='Images, GroundTruth, Segmentations...')
    parser.add_argument('--out', default='work_dirs/hand_labels')
    parser.add_argument('--error-px', type=float, nargs='+', default=[4.0, 8.0])
    parser.add_argument('--min-gain', type=float, nargs='+', default=[0.1, 0.3])
    parser.add_argument('--edges', nargs='+', default=[GRADIENT], help=HELP)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    root = Path(args.root)
    fine_files = sorted((root / 'SegmentationsGTHighQuality').glob('*_HQGT.*'))
    if not fine_files:
        raise SystemExit(f'Expected SegmentationsGTHighQuality/*_HQGT.png below {root}.')
    require_evidence(args.edges)
    sources = [open_evidence(word) for word in args.edges]
    methods = refinements(args)
    keys = [(name, NO_EDGES) for name in (AS_DRAWN, GRABCUT)]
    keys += [(name, source.name) for source in sources for name in methods]
    ious: dict[tuple[str, str], list[float]] = {key: [] for key in keys}
    moved = dict.fromkeys(keys, 0)
    for file in fine_files:
        stem = file.name.removesuffix(file.suffix).removesuffix('_HQGT')
        image = cv2.imread(str(next((root / 'Images').glob(f'{stem}.*'))))
        coarse = read_colors(next((root / 'GroundTruth').glob(f'{stem}_GT.*')))
        fine = read_colors(file)
        found = label_objects(coarse, without=(0,))
        maps = {
            (AS_DRAWN, NO_EDGES): found.object_map,
            (GRABCUT, NO_EDGES): grabcut(image, found.object_map, ring_px=24),
        }
        photo = np.ascontiguousarray(image[..., ::-1])
        for source in sources:
            edges = source(stem, photo).max(axis=0)[None]
            for name, (options, error_px) in methods.items():
                key = name, source.name
                maps[key], reports = refine_objects(
                    found.object_map, edges, options, image=photo, error_px=error_px
                )
                moved[key] += sum(r.status == 'moved' for r in reports)
        for key, refined in maps.items():
            labels = np.array([*found.values, 0])[refined]
            for value in found.values:
                masks = fine == value, (labels == value) & (fine != 0)
                if masks[0].any():
                    ious[key].append((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())
    write_table(Path(args.out), ious, moved, len(fine_files))


def refinements(args: argparse.Namespace) -> dict[str, tuple[EngineOptions, float]]:
    """Options and error of each refinement."""
    methods: dict[str, tuple[EngineOptions, float]] = {}
    for error_px in args.error_px:
        methods[f'joint, error_px {error_px:g}'] = default_options('joint'), error_px
        for gain in args.min_gain:
            options = replace(REFINE_OPTIONS, min_gain=gain)
            methods[f'level set, error_px {error_px:g}, min_gain {gain:g}'] = options, error_px
    return methods


def read_colors(path: Path) -> NDArray[np.int32]:
    """A color-coded label file; black, where nobody knows, is 0."""
    red, green, blue = np.moveaxis(
        np.asarray(Image.open(path).convert('RGB')).astype(np.int32), 2, 0
    )
    return (red << 16) + (green << 8) + blue


def write_table(folder: Path, ious: dict, moved: dict, num_images: int) -> None:
    """results.csv and results.md: mean IoU, and how many objects gained and lost."""
    base = np.array(ious[AS_DRAWN, NO_EDGES])
    rows = []
    for (name, edges), values in ious.items():
        change = 100 * (np.array(values) - base)
        rows.append({
            'method': name,
            'edges': edges,
            'mean IoU, %': f'{100 * np.mean(values):.1f}',
            'objects moved': moved[name, edges],
            'better': int((change > 0.5).sum()),
            'worse': int((change < -0.5).sum()),
            'largest loss, points': f'{max(0.0, -change.min()):.1f}',
        })  # fmt: skip
    lines = markdown_lines(rows[0], (row.values() for row in rows))
    write_results(folder, rows, lines)
    print(f'{num_images} images, {len(base)} objects; better and worse: by more than 0.5 points\n')
    print('\n'.join(lines))


if __name__ == '__main__':
    main()
