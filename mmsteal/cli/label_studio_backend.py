"""A machine learning backend for Label Studio that refines brushes and polygons.

mmsteal label-studio --data-root data/images --edges work_dirs/edges

docs/label_tools.md explains how to connect it.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsteal.cli.command import command
from mmsteal.cli.edge_arguments import (
    add_edge_arguments,
    add_engine_arguments,
    engine_of_arguments,
    parse_edge_arguments,
)
from mmsteal.cli.user_errors import user_errors

if TYPE_CHECKING:
    from mmsteal.label_tools import BackendServer


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal label-studio',
        description='Refine annotations for Label Studio.',
        epilog='See docs/label_tools.md.',
    )
    parser.add_argument('--data-root', required=True, help='folder of the images; only it is read')
    parser.add_argument('--data-key', help='name of the image in the data of the tasks')
    add_edge_arguments(parser, category='LABEL')
    add_engine_arguments(parser)
    group = parser.add_argument_group('results')
    group.add_argument(
        '--tolerance-px', type=float, default=0.75,
        help='how far polygons may leave the pixels to save vertices (0.75)',
    )  # fmt: skip
    group = parser.add_argument_group('server')
    group.add_argument('--host', default='127.0.0.1', help='address to listen on (127.0.0.1)')
    group.add_argument('--port', type=int, default=9090, help='port (9090); 0: a free one')
    group.add_argument('--max-body-mb', type=float, default=64.0, help='largest request (64)')
    group.add_argument(
        '--token', metavar='FILE', type=Path,
        help='file with a token that clients have to know: in Label Studio the password of basic '
        'authentication; also the environment variable MMSTEAL_TOKEN',
    )  # fmt: skip
    group.add_argument('--max-pixels', type=int, default=50_000_000, help='largest image')
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    args = parse_edge_arguments(build_parser(), argv)
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    with user_errors():
        server = open_server(args)
    host, port = str(server.server_address[0]), server.server_address[1]
    print(f'listening on http://{host}:{port}', flush=True)
    if args.host not in ('127.0.0.1', 'localhost', '::1'):
        known = 'who knows the token' if token_of(args) else 'nobody is asked for a password'
        print(f'other machines can reach it: {known}', flush=True)
    with server:
        server.serve_forever()


def token_of(args: argparse.Namespace) -> str | None:
    """The token of the file that the arguments name, else of the environment, else None.

    Raises:
        ValueError: If the file is empty.
    """
    if args.token is None:
        return os.environ.get('MMSTEAL_TOKEN') or None
    token: str = args.token.read_text(encoding='utf-8').strip()
    if not token:
        raise ValueError(f'Expected a token in {args.token}, but the file is empty.')
    return token


def open_server(args: argparse.Namespace) -> BackendServer:
    """The server that the arguments ask for, listening."""
    import cv2
    import numpy as np

    from mmsteal.edge_files import EdgeFolder
    from mmsteal.label_tools import BackendServer, LabelStudioRefiner, TaskImages
    from mmsteal.label_tools.label_studio import edges_of_folder
    from mmsteal.refinement.class_mapping import EdgeClasses, parse_class_map
    from mmsteal.refinement.settings import GRADIENT

    cv2.setNumThreads(1)
    predict: Callable[[Path], np.ndarray] | None
    if args.config is not None:
        from mmsteal.apis.model_edges import ModelEdges

        model = ModelEdges(args.config, args.checkpoint, args.device, cfg_options=args.cfg_options)
        predict, names = model, args.edge_classes or model.names
        version = f'mmsteal-{model.hashes.get("checkpoint", "model")}'
    elif args.edges is None:
        predict, names, version = None, args.edge_classes or (GRADIENT,), 'mmsteal'
    else:
        folder = EdgeFolder(args.edges, args.edge_classes)
        predict, names = edges_of_folder(folder, args.data_root), folder.names
        version = 'mmsteal-edges'
    print(f'edge maps: {", ".join(names)}', flush=True)
    refiner = LabelStudioRefiner(
        predict,
        EdgeClasses(names, parse_class_map(args.class_map)),
        TaskImages(Path(args.data_root), args.data_key, args.max_pixels),
        engine_of_arguments(args),
        error_px=args.error_px,
        scale=args.scale,
        tolerance_px=args.tolerance_px,
        model_version=version,
    )
    return BackendServer(
        refiner, args.host, args.port, max_body_mb=args.max_body_mb, token=token_of(args)
    )
