"""Write the true boundaries of a data set to disk, for use elsewhere.

mmsteal convert-edge-labels --data cityscapes data/cityscapes \
    --mode raw --format bin edges/

PNG: class_001/NAME.png ..., 255 on an edge, 128 where the label is ignored. bin: NAME.bin, one
uint32 a pixel row by row, bit c = class c from 0, bit 31 = ignored, as CASENet and SEAL keep them.
`mmsteal eval --data edges FOLDER` reads both.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.evaluation_arguments import (
    add_ground_truth_arguments,
    add_protocol_arguments,
    ground_truth_from,
    image_names_from,
    protocol_from,
)
from mmsteal.cli.user_errors import user_errors
from mmsteal.cli.worker_arguments import add_workers


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal convert-edge-labels',
        description='Write the true boundaries of a data set.',
        epilog='See docs/evaluation.md.',
    )
    parser.add_argument('out', help='folder for the files')
    parser.add_argument('--format', choices=['png', 'bin'], default='png')
    add_workers(parser)
    add_ground_truth_arguments(parser)
    add_protocol_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np
    from tqdm import tqdm

    from mmsteal.edge_files import write_edge_bin, write_edge_pngs
    from mmsteal.edge_files.edge_pngs import edge_png_paths
    from mmsteal.files import path_under
    from mmsteal.jobs import check_out_file

    with user_errors():
        if args.workers < 1:
            raise ValueError(f'Expected --workers to be at least 1, but got {args.workers}.')
        truth, protocol = ground_truth_from(args), protocol_from(args)
        names = image_names_from(args) or truth.names
        truth.check(names, protocol)

        def write(name: str) -> None:
            bin_path = path_under(args.out, f'{name}.bin')
            pngs = edge_png_paths(args.out, name, len(truth.class_names))
            for target in [bin_path] if args.format == 'bin' else pngs:
                for source in truth.files(name, protocol):
                    check_out_file(target, {f'the truth of {name}': source})
            image = truth.load(name, protocol)
            edges = image.edges.astype(np.uint8)
            if edges.ndim == 4:
                raise ValueError(f'Expected one annotator, but {name} has {edges.shape[1]}.')
            if image.ignored is not None:
                edges[:, image.ignored & (edges == 0).all(axis=0)] = 255
            if args.format == 'bin':
                write_edge_bin(bin_path, edges)
            else:
                write_edge_pngs(args.out, name, edges)

        with ThreadPoolExecutor(args.workers) as pool:
            list(tqdm(pool.map(write, names), total=len(names), unit='image'))
    print(f'{protocol.label}\nclasses: {", ".join(truth.class_names)}\nwritten to {args.out}')
