"""Labels that people drew in a hurry, repaired without any trained model.

python benchmarks/experiments/hand_labels.py --root MSRC --out work_dirs/hand_labels

MSRC v2 has coarse labels by hand, whose strokes stop short of the borders, and pixel-accurate ones
of some of the images (`SegmentationsGTHighQuality`). No boundary model is trained here: the edge
map is the color gradient of the photograph, the same for every class. That is as little evidence
as there can be, so this asks above all whether the guard rails keep labels from getting worse.

IoU with the pixel-accurate labels of each object (a color of the label file in an image), on
pixels that these label.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from grabcut import grabcut
from numpy.typing import NDArray
from PIL import Image
from tables import markdown_lines, write_results

from mmsteal.functional import REFINE_OPTIONS, gradient_edges, label_objects, refine_objects


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', required=True, help='Images, GroundTruth, Segmentations...')
    parser.add_argument('--out', default='work_dirs/hand_labels')
    parser.add_argument('--error-px', type=float, nargs='+', default=[4.0, 8.0])
    parser.add_argument('--min-gain', type=float, nargs='+', default=[0.1, 0.3])
    parser.add_argument('--sigma', type=float, default=1.0, help='of the gradient, px')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    root = Path(args.root)
    fine_files = sorted((root / 'SegmentationsGTHighQuality').glob('*_HQGT.*'))
    if not fine_files:
        raise SystemExit(f'Expected SegmentationsGTHighQuality/*_HQGT.png below {root}.')
    methods = {'as drawn': None, 'GrabCut, ring of 24 px': 'grabcut'}
    for error_px in args.error_px:
        for gain in args.min_gain:
            options = replace(REFINE_OPTIONS, min_gain=gain)
            methods[f'refined, error_px {error_px:g}, min_gain {gain:g}'] = options, error_px
    ious: dict[str, list[float]] = {name: [] for name in methods}
    moved: dict[str, list[int]] = {name: [] for name in methods}
    for file in fine_files:
        stem = file.name.removesuffix(file.suffix).removesuffix('_HQGT')
        image = cv2.imread(str(next((root / 'Images').glob(f'{stem}.*'))))
        coarse = read_colors(next((root / 'GroundTruth').glob(f'{stem}_GT.*')))
        fine = read_colors(file)
        found = label_objects(coarse, without=(0,))
        edges = gradient_edges(np.ascontiguousarray(image[..., ::-1]), sigma=args.sigma)[None]
        for name, method in methods.items():
            refined, reports = found.object_map, []
            if method == 'grabcut':
                refined = grabcut(image, found.object_map, ring_px=24)
            elif method:
                options, error_px = method
                classes = [0] * len(found.values)
                refined, reports = refine_objects(
                    found.object_map, edges, options, classes=classes, error_px=error_px
                )
            labels = np.array([*found.values, 0])[refined]
            moved[name].append(sum(r.status == 'moved' for r in reports))
            for value in found.values:
                masks = fine == value, (labels == value) & (fine != 0)
                if masks[0].any():
                    ious[name].append((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())
    write_table(Path(args.out), ious, moved, len(fine_files))


def read_colors(path: Path) -> NDArray[np.int32]:
    """A color-coded label file; black, where nobody knows, is 0."""
    red, green, blue = np.moveaxis(
        np.asarray(Image.open(path).convert('RGB')).astype(np.int32), 2, 0
    )
    return (red << 16) + (green << 8) + blue


def write_table(folder: Path, ious: dict, moved: dict, num_images: int) -> None:
    """results.csv and results.md: mean IoU, and how many objects gained and lost."""
    base = np.array(ious['as drawn'])
    rows = []
    for name, values in ious.items():
        change = 100 * (np.array(values) - base)
        rows.append({
            'method': name,
            'mean IoU, %': f'{100 * np.mean(values):.1f}',
            'objects moved': sum(moved[name]),
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
