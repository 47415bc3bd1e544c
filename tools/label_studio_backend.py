"""A machine learning backend for Label Studio that refines brushes and polygons.

python tools/label_studio_backend.py --data-root data/images --edges work_dirs/edges

docs/label_tools.md explains how to connect it.
"""

import argparse
import logging
from pathlib import Path

import cv2
from mmengine.config import DictAction

from mmsteal.edge_files import EdgeFolder
from mmsteal.functional.align_options import REFINE_OPTIONS
from mmsteal.functional.options import change_options
from mmsteal.label_tools import BackendServer, LabelStudioRefiner, TaskImages
from mmsteal.label_tools.label_studio import edges_of_folder
from mmsteal.refinement import EdgeClasses
from mmsteal.refinement.arguments import add_edge_arguments, check_edge_arguments
from mmsteal.refinement.class_mapping import parse_class_map


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Refine annotations for Label Studio.', epilog='See docs/label_tools.md.'
    )
    parser.add_argument('--data-root', required=True, help='folder of the images; only it is read')
    parser.add_argument('--data-key', help='name of the image in the data of the tasks')
    add_edge_arguments(parser, category='LABEL')
    group = parser.add_argument_group('evolution')
    group.add_argument('--scale', type=float, help='size at which objects evolve, in image sizes')
    group.add_argument(
        '--error-px', type=float, default=16.0, help='how far outlines may be off, in pixels (16)'
    )
    group.add_argument(
        '--align', nargs='+', action=DictAction, default={}, metavar='KEY=VALUE',
        help='further options, as min_gain=0.2 or balloon=0',
    )  # fmt: skip
    group.add_argument(
        '--tolerance-px', type=float, default=0.75,
        help='how far polygons may leave the pixels to save vertices (0.75)',
    )  # fmt: skip
    group = parser.add_argument_group('server')
    group.add_argument('--host', default='127.0.0.1', help='address to listen on (127.0.0.1)')
    group.add_argument('--port', type=int, default=9090, help='port (9090); 0: a free one')
    group.add_argument('--max-body-mb', type=float, default=64.0, help='largest request (64)')
    group.add_argument('--max-pixels', type=int, default=50_000_000, help='largest image')
    args = parser.parse_args()
    check_edge_arguments(parser, args)
    return args


def main() -> None:
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s')
    cv2.setNumThreads(1)
    try:
        server = open_server(args)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise SystemExit(f'error: {error}') from error
    host, port = server.server_address[:2]
    print(f'listening on http://{host}:{port}', flush=True)
    if args.host not in ('127.0.0.1', 'localhost', '::1'):
        print('other machines can reach it and nobody is asked for a password', flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def open_server(args: argparse.Namespace) -> BackendServer:
    if args.config is not None:
        # Here, because the mm stack takes seconds to load.
        from mmsteal.apis.model_edges import ModelEdges

        model = ModelEdges(args.config, args.checkpoint, args.device, cfg_options=args.cfg_options)
        predict, names = model, args.edge_classes or model.names
        version = f'mmsteal-{model.hashes.get("checkpoint", "model")}'
    else:
        folder = EdgeFolder(args.edges, args.edge_classes)
        predict, names = edges_of_folder(folder, args.data_root), folder.names
        version = 'mmsteal-edges'
    print(f'edge maps: {", ".join(names)}', flush=True)
    refiner = LabelStudioRefiner(
        predict,
        EdgeClasses(names, parse_class_map(args.class_map)),
        TaskImages(Path(args.data_root), args.data_key, args.max_pixels),
        change_options(REFINE_OPTIONS, args.align),
        error_px=args.error_px,
        scale=args.scale,
        tolerance_px=args.tolerance_px,
        model_version=version,
    )
    return BackendServer(refiner, args.host, args.port, max_body_mb=args.max_body_mb)


if __name__ == '__main__':
    main()
