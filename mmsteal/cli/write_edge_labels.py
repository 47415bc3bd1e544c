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
from pathlib import Path

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

    with user_errors():
        if args.workers < 1:
            raise ValueError(f'Expected --workers to be at least 1, but got {args.workers}.')
        truth, protocol = ground_truth_from(args), protocol_from(args)
        names = image_names_from(args, truth) or truth.names
        truth.check(names, protocol)

        def write(name: str) -> bool:
            image = truth.load(name, protocol)
            edges = image.edges.astype(np.uint8)
            if edges.ndim == 4:
                raise ValueError(f'Expected one annotator, but {name} has {edges.shape[1]}.')
            if image.ignored is not None:
                edges[:, image.ignored & (edges == 0).all(axis=0)] = 255
            if args.format == 'bin':
                write_edge_bin(Path(args.out) / f'{name}.bin', edges)
            else:
                write_edge_pngs(args.out, name, edges)
            return bool((edges == 1).any())

        with ThreadPoolExecutor(args.workers) as pool:
            found = list(tqdm(pool.map(write, names), total=len(names), unit='image'))
        if not any(found):
            raise ValueError(
                f'Expected true edges, but none of the {len(names)} images has one. '
                f'{truth.held}'.rstrip()
            )
    print(f'{protocol.label}\nclasses: {", ".join(truth.class_names)}\nwritten to {args.out}')
