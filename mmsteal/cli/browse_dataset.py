"""Draw training images with their edge labels, as the network sees them: mmsteal browse."""

from __future__ import annotations

import argparse
import os
import os.path as osp
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.config_arguments import add_cfg_options, add_config_argument, add_data_root
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal browse', description='Draw images with their edge labels.'
    )
    add_config_argument(parser)
    parser.add_argument('out', help='folder for the pictures')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train')
    parser.add_argument('--number', type=int, default=20, help='how many images')
    add_data_root(parser)
    add_cfg_options(parser)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        draw(args)
    print(f'written to {args.out}')


def draw(args: argparse.Namespace) -> None:
    """Draw the images that the arguments ask for."""
    from mmsteal.apis import load_run_config  # first: without the stack it says how to install it

    # isort: split
    from mmengine.registry import init_default_scope
    from mmseg.registry import DATASETS, VISUALIZERS
    from tqdm import tqdm

    from mmsteal.files import remove_partial_files

    cfg = load_run_config(args.config, data_root=args.data_root, cfg_options=args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = DATASETS.build(cfg[f'{args.split}_dataloader'].dataset)
    visualizer = VISUALIZERS.build(dict(cfg.visualizer, vis_backends=None))
    visualizer.dataset_meta = dataset.metainfo
    os.makedirs(args.out, exist_ok=True)
    remove_partial_files(args.out)  # of a run that was killed
    for index in tqdm(range(min(args.number, len(dataset))), unit='image'):
        item = dataset[index]
        sample = item['data_samples']
        image = item['inputs'].permute(1, 2, 0).numpy()[..., ::-1]
        name = osp.splitext(osp.basename(sample.img_path))[0]
        out_file = osp.join(args.out, f'{index:05d}_{name}.png')
        visualizer.add_datasample(name, image, sample, draw_pred=False, out_file=out_file)
