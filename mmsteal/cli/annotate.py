"""A page to annotate on: draw a rough shape and see it move to the edges.

mmsteal annotate [--config CONFIG --checkpoint CHECKPOINT]

Edges come from the model in the package, where the mm stack is installed. The colors of the image,
and the model that `mmsteal demo` trains from when it is there, are offered beside it.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from mmsteal.cli.command import command
from mmsteal.cli.edge_arguments import add_model_arguments, check_model_arguments
from mmsteal.cli.user_errors import user_errors
from mmsteal.weights import EDGES


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal annotate', description='Refine masks in the browser.'
    )
    add_model_arguments(parser, default=EDGES)
    parser.add_argument(
        '--work-dir', default='work_dirs/annotator', help='where uploads and results are kept'
    )
    parser.add_argument(
        '--root', default='.', help='folder in which the demo was run, for its model and images'
    )
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on; only this machine by default'
    )
    parser.add_argument('--port', type=int, default=7860, help='port (7860)')
    return parser


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command, checked together."""
    parser = build_parser()
    args = parser.parse_args(argv)
    check_model_arguments(parser, args)
    return args


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Load what is slow to load, then serve the page."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    # Gradio looks at this while it is imported.
    os.environ['GRADIO_TEMP_DIR'] = str(Path(args.work_dir).resolve() / 'uploads')
    try:
        from mmsteal.annotator.page import AnnotatorPage
    except ImportError as error:
        raise SystemExit(
            f'The page needs gradio ({error}); install it with `pip install "mmsteal[demo]"`, in '
            'a checkout with `pip install -e ".[demo]"`.'
        ) from error
    from mmsteal.annotator.edge_model import EdgeModel
    from mmsteal.annotator.warm_up import warm_up

    print(f'[1/2] loading {args.checkpoint or "the model in the package"}', flush=True)
    model = None
    with user_errors():
        try:
            model = EdgeModel(args.config, args.checkpoint, args.device)
        except ImportError as error:
            if args.config != EDGES:
                raise
            reason = str(error).splitlines()[0]
            print(f'[1/2] no model, edges are those of the colors: {reason}', flush=True)
    print('[2/2] getting the evolution ready (longer the first time)', flush=True)
    warm_up()
    page = AnnotatorPage(args.work_dir, model=model, root=args.root, device=args.device)
    print(f'open http://{args.host}:{args.port} in a browser; Ctrl+C stops', flush=True)
    page.launch(args.host, args.port)
