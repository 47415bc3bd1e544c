"""A page to annotate on: draw a rough shape and see it move to the edges.

python demo/annotator.py [--config CONFIG --checkpoint CHECKPOINT]

Without a model the edges are those of the image's colours. The model that `make demo` trains is
offered on the page from when it is there.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from mmsteal.annotator.edge_model import EdgeModel
from mmsteal.annotator.warm_up import warm_up

ROOT = Path(__file__).resolve().parent.parent


def parse_args() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description='Refine masks in the browser.')
    parser.add_argument('--config', help='config of an edge model')
    parser.add_argument('--checkpoint', help='its trained weights')
    parser.add_argument('--device', help="'cpu', 'cuda:0', ...; default: a GPU where there is one")
    parser.add_argument(
        '--work-dir', default='work_dirs/annotator', help='where uploads and results are kept'
    )
    parser.add_argument(
        '--host', default='127.0.0.1', help='address to listen on; only this machine by default'
    )
    parser.add_argument('--port', type=int, default=7860)
    args = parser.parse_args()
    if (args.config is None) != (args.checkpoint is None):
        parser.error('--config and --checkpoint go together')
    return args


def main() -> None:
    """Load what is slow to load, then serve the page."""
    args = parse_args()
    logging.basicConfig(level=logging.WARNING)
    # Gradio looks at this while it is imported.
    os.environ['GRADIO_TEMP_DIR'] = str(Path(args.work_dir).resolve() / 'uploads')
    try:
        from mmsteal.annotator.page import AnnotatorPage
    except ImportError as error:
        raise SystemExit(
            f'The page needs gradio ({error}); install it with `pip install -e ".[demo]"`.'
        ) from error
    model = None
    if args.config is not None:
        print(f'[1/2] loading {args.checkpoint}', flush=True)
        model = EdgeModel(args.config, args.checkpoint, args.device)
    else:
        print('[1/2] no model: edges are those of the colours', flush=True)
    print('[2/2] getting the evolution ready (longer the first time)', flush=True)
    warm_up()
    page = AnnotatorPage(args.work_dir, model=model, root=ROOT, device=args.device)
    print(f'open http://{args.host}:{args.port} in a browser; Ctrl+C stops', flush=True)
    page.launch(args.host, args.port)


if __name__ == '__main__':
    main()
