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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.each_image import do_each, problems_told
from mmsteal.cli.evaluation_arguments import (
    add_ground_truth_arguments,
    add_protocol_arguments,
    ground_truth_from,
    image_names_from,
    protocol_from,
)
from mmsteal.cli.user_errors import user_errors
from mmsteal.cli.worker_arguments import add_workers

if TYPE_CHECKING:
    from mmsteal.evaluation import BoundaryProtocol
    from mmsteal.file_evaluation import GroundTruth


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


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    from mmsteal.files import remove_partial_files
    from mmsteal.jobs import Workers

    with problems_told() as problems, user_errors():
        if args.workers < 1:
            raise ValueError(f'Expected --workers to be at least 1, but got {args.workers}.')
        truth, protocol = ground_truth_from(args), protocol_from(args)
        names = image_names_from(args, truth) or truth.names
        truth.check(names, protocol)
        remove_partial_files(args.out)  # of a run that was killed
        write = EdgeWriter(truth, protocol, args.out, args.format)
        if not any(do_each(names, write, problems, workers=Workers(args.workers, 'thread'))):
            raise ValueError(
                f'Expected true edges, but none of the {len(names)} images has one. '
                f'{truth.held}'.rstrip()
            )
        print(f'{protocol.label}\nclasses: {", ".join(truth.class_names)}\nwritten to {args.out}')


@dataclass(frozen=True)
class EdgeWriter:
    """Writes the true boundaries of one image after another.

    Attributes:
        truth (GroundTruth): Where they come from.
        protocol (BoundaryProtocol): The rule.
        out (str): Folder for the files.
        kind (str): `'png'` or `'bin'`.
    """

    truth: GroundTruth
    protocol: BoundaryProtocol
    out: str
    kind: str

    def __call__(self, name: str) -> bool:
        """Write the files of an image; whether it has an edge.

        Raises:
            ValueError: If there are several annotators, or the files would go over the truth.
        """
        import numpy as np

        from mmsteal.edge_files import write_edge_bin, write_edge_pngs
        from mmsteal.edge_files.edge_pngs import edge_png_paths
        from mmsteal.files import path_under
        from mmsteal.jobs import check_out_file, writing_to

        targets = [path_under(self.out, f'{name}.bin')]
        if self.kind == 'png':
            targets = edge_png_paths(self.out, name, len(self.truth.class_names))
        for target in targets:
            for source in self.truth.files(name, self.protocol):
                check_out_file(target, {f'the truth of {name}': source})
        image = self.truth.load(name, self.protocol)
        edges = image.edges.astype(np.uint8)
        if edges.ndim == 4:
            raise ValueError(f'Expected one annotator, but {name} has {edges.shape[1]}.')
        if image.ignored is not None:
            edges[:, image.ignored & (edges == 0).all(axis=0)] = 255
        with writing_to(self.out):
            if self.kind == 'bin':
                write_edge_bin(targets[0], edges)
            else:
                write_edge_pngs(self.out, name, edges)
        return bool((edges == 1).any())
