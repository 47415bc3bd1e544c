"""How good are the edges of the model in the package, on photographs that it has not seen?

python benchmarks/experiments/edge_detectors.py --root ../shared/data --out work_dirs/detectors
python benchmarks/experiments/edge_detectors.py --root ../shared/data --sets bsds \
    --edges gradient my_config.py,my_checkpoint.pth

Sets: `bsds`, 20 test images of BSDS500 against all annotators, 0.0075 of the diagonal; `coco`, the
40 images that the shipped model was chosen by, all outlines of the panoptic labels, the same
tolerance; `ecssd`, every third of 300 photographs, the outline of the one salient object, 2 px,
where no detector can know which object is meant: compare within the set.
Every map is suppressed by the paper's test NMS and thinned at 99 thresholds. Seconds are CPU
seconds an image, reading left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from edge_evidence import EMBEDDED, GRADIENT, HELP, open_evidence, require_evidence
from numpy.typing import NDArray
from tables import markdown_lines, write_results

from mmsteal.evaluation import boundary_protocol
from mmsteal.evaluation.image_counts import image_counts
from mmsteal.file_evaluation import open_ground_truth
from mmsteal.functional import edge_scores
from mmsteal.label_formats.image_files import read_photo
from mmsteal.label_formats.region_maps import panoptic_ids, region_map

# Photograph, its true edges (1, A, H, W), tolerance as a fraction of the diagonal.
Case = tuple[Path, NDArray[np.bool_], float]
THIN = boundary_protocol('bsds', test_nms=True)


def bsds(root: Path) -> Iterator[Case]:
    folder = root / 'bsds500' / 'test_hed'
    truth = open_ground_truth('bsds', folder)
    for name in truth.names:
        yield folder / 'images' / f'{name}.jpg', truth.load(name, THIN).edges, THIN.max_dist


def coco(root: Path) -> Iterator[Case]:
    base = root / 'coco128'
    found = {}
    for split in ('train2017', 'val2017'):
        folder = base / 'panoptic_segmentation' / 'annotations'
        entries = json.loads((folder / f'panoptic_{split}.json').read_text())['annotations']
        found |= {e['file_name'][:-4]: (folder / f'panoptic_{split}', split, e) for e in entries}
    for name in sorted(found)[4::5]:  # as `mmsteal convert-regions --hold-out 5`
        folder, split, entry = found[name]
        ids = panoptic_ids(cv2.imread(str(folder / f'{name}.png'))[..., ::-1])
        crowds = [s['id'] for s in entry['segments_info'] if s['iscrowd']]
        regions = region_map(ids, unknown=crowds, gaps=(0,), gap_px=4)
        yield base / 'images' / split / f'{name}.jpg', outlines(regions), THIN.max_dist


def ecssd(root: Path) -> Iterator[Case]:
    for path in sorted((root / 'ecssd' / 'images').glob('*.jpg'))[::3]:
        mask = cv2.imread(str(root / 'ecssd' / 'masks' / f'{path.stem}.png'), cv2.IMREAD_GRAYSCALE)
        regions = region_map((mask > 127).astype(int))
        yield path, outlines(regions), 2 / float(np.hypot(*mask.shape))


def outlines(regions) -> NDArray[np.bool_]:
    rule = replace(THIN, stored=False, instance_sensitive=True, radius=1.0, class_agnostic=False)
    edges = rule.ground_truth(regions.labels, 1, instance_map=regions.instances)
    return edges[:, None]


SETS = {'bsds': bsds, 'coco': coco, 'ecssd': ecssd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True, help='folder of the data sets')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--sets', nargs='+', choices=SETS, default=list(SETS))
    parser.add_argument('--edges', nargs='+', default=[GRADIENT, EMBEDDED], help=HELP)
    args = parser.parse_args()
    require_evidence(args.edges)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rows = []
    for word in args.edges:
        detect = open_evidence(word)
        for set_name in args.sets:
            counts, seconds = [], []
            for path, truth, max_dist in SETS[set_name](args.root):
                image = read_photo(path)
                begin = time.process_time()
                edges = detect(path.stem, image, 1.0).max(axis=0)
                seconds.append(time.process_time() - begin)
                protocol = replace(THIN, max_dist=max_dist)
                counts.append(image_counts(edges[None], truth, protocol)[0, 0])
            scores = edge_scores(np.stack(counts), thresholds=99)
            rows.append(
                dict(edges=detect.name, set=set_name, images=len(counts),
                     ods=round(100 * scores.ods_f, 2), ois=round(100 * scores.ois_f, 2),
                     ap=round(100 * scores.ap, 2), seconds=round(float(np.median(seconds)), 3))
            )  # fmt: skip
            print(rows[-1], flush=True)
    lines = markdown_lines(rows[0], [row.values() for row in rows])
    write_results(args.out, rows, lines)


if __name__ == '__main__':
    main()
