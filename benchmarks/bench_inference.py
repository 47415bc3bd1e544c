"""Images a second that a CASENet predicts: preprocessing, network, maps at the original size.

    python benchmarks/bench_inference.py [--device cuda] [--depth 101] [--repeats 3]

Images of noise and random weights: neither changes the time. SBD's images go through whole, those
of Cityscapes by windows of 512 with a stride of 256, as the configs have it; the latter take
minutes on a CPU and are left out there unless asked for. The edge maps stay on the device.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import torch
from bench_training_step import STEAL, add_model_options, load_config
from measurement import Case, Row, make_parser, median_ms, peak_mib, run
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

CITYSCAPES = 'steal_casenet_cityscapes.py'


def random_images(batch: int, height: int, width: int) -> dict:
    """Input of `test_step`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, 3, height, width), dtype=np.uint8)
    meta = dict(ori_shape=(height, width), img_shape=(height, width))
    samples = [SegDataSample(metainfo=dict(meta)) for _ in range(batch)]
    return dict(inputs=list(torch.from_numpy(images)), data_samples=samples)


def inference_rows(config: str, batch: int, size: tuple[int, int], args) -> list[Row]:
    init_default_scope('mmseg')
    model = MODELS.build(load_config(config, args).model).to(args.device).eval()

    # The samples are made anew for each call, which writes its maps into them.
    def prepare() -> tuple[dict]:
        return (random_images(batch, *size),)

    @torch.no_grad()
    def predict(data: dict) -> None:
        model.test_step(data)

    repeats = args.repeats or (20 if args.device == 'cuda' else 3)
    milliseconds = median_ms(predict, repeats, args.device, prepare)
    data, mode = prepare(), model.test_cfg.mode
    return [
        Row(
            f'prediction of CASENet-{args.depth}, {batch} x {size[0]} x {size[1]}, {mode}',
            milliseconds,
            peak_mib=peak_mib(lambda: predict(*data), args.device),
            note=f'{1e3 * batch / milliseconds:.3g} images/s; memory beyond the weights',
        )
    ]


def cases(args: argparse.Namespace) -> dict[str, Case]:
    sbd, cityscapes = (
        tuple(side // args.shrink for side in size) for size in ((375, 500), (1024, 2048))
    )
    found = {'SBD': partial(inference_rows, STEAL, 1, sbd, args)}
    if args.device == 'cuda':
        found['SBD, batch'] = partial(inference_rows, STEAL, 8, sbd, args)
    if args.device == 'cuda' or args.quick or args.cityscapes:
        found['Cityscapes'] = partial(inference_rows, CITYSCAPES, 1, cityscapes, args)
    return found


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__, ('cpu', 'cuda'))
    add_model_options(parser)
    parser.add_argument('--cityscapes', action='store_true', help='on a CPU, too')
    parser.add_argument('--shrink', type=int, default=1, help='divides the sides of the images')
    parser.add_argument('--repeats', type=int, help='default: 3 on a CPU, 20 on a GPU')
    run(cases, parser, argv, depth=18, shrink=8, repeats=1)


if __name__ == '__main__':
    main()
