"""How far the edges are from those of the released network: python -m benchmarks.released_parity.

Random weights in the released layout go through the converter and the shipped configs; the
reference is the plain statement of the released network that the tests use.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config

from mmsteal.apis import EdgeInferencer
from mmsteal.models.released_checkpoint import convert_released_checkpoint
from tests.models.released_network import (
    random_weights,
    released_cityscapes_edges,
    released_sbd_edges,
)

REPO = Path(__file__).resolve().parents[1]
CASES = {
    'sbd': (20, (375, 500), released_sbd_edges),
    'cityscapes': (19, (512, 768), released_cityscapes_edges),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--width', type=int, default=64, help='channels of the stem; released: 64')
    parser.add_argument('--seeds', type=int, default=1)
    args = parser.parse_args()
    print('model, image, seed: largest difference of a probability; their spread per class')
    for name in CASES:
        for seed in range(args.seeds):
            deviation, spread, size = measure(name, args.width, seed)
            print(f'{name}, {size[0]} x {size[1]}, {seed}: {deviation:.1e}; {spread:.2f}')


@torch.no_grad()
def measure(name: str, width: int, seed: int) -> tuple[float, float, tuple[int, int]]:
    num_classes, size, reference = CASES[name]
    cfg = Config.fromfile(REPO / f'configs/released_steal_{name}.py')
    cfg.model.backbone.update(base_channels=width, stem_channels=width)
    cfg.model.decode_head.in_channels = [width, 4 * width, 8 * width, 32 * width]
    weights = random_weights(num_classes, width, seed=seed)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    with tempfile.TemporaryDirectory() as folder:
        torch.save({f'module.{n}': x for n, x in weights.items()}, f'{folder}/released.pt')
        convert_released_checkpoint(f'{folder}/released.pt', f'{folder}/steal.pth', cfg)
        edges = EdgeInferencer(cfg, f'{folder}/steal.pth', 'cpu')(image)[0].edges
    expected = reference(weights, image).numpy()
    return np.abs(edges - expected).max(), expected.std(axis=(1, 2)).mean(), size


if __name__ == '__main__':
    main()
