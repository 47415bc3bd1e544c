"""A page to annotate on: draw a rough shape and see it move to the edges.

python demo/annotator.py [--config CONFIG --checkpoint CHECKPOINT]

Without a model it takes the one of `make demo`, or else the colour gradient of the image.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from mmsteal.annotator.edge_model import EdgeModel, find_demo_model
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
            f'The page needs gradio ({error}); install it with `pip install "mmsteal[demo]"`.'
        ) from error
    model, notice = load_model(args)
    print('[2/2] getting the evolution ready')
    warm_up()
    page = AnnotatorPage(args.work_dir, model=model, notice=notice, root=ROOT)
    page.launch(args.host, args.port)


def load_model(args: argparse.Namespace) -> tuple[EdgeModel | None, str]:
    """The model that is asked for, or the demo's, or none; and what to say of it on the page."""
    if args.config is not None:
        print(f'[1/2] loading {args.checkpoint}')
        model = EdgeModel(args.config, args.checkpoint, args.device)
        return model, f'Edges by **{model.title}** for: {", ".join(model.classes)}.'
    found = find_demo_model(ROOT)
    if found is None:
        print('[1/2] no model: edges are the colour gradient (`make demo` trains one)')
        return None, (
            'There is no trained model, so edges are the **colour gradient** of the image: any '
            'texture counts. `make demo` trains a small model in minutes; '
            '`--config` and `--checkpoint` take one of yours.'
        )
    print(f'[1/2] loading the demo model {found[1]}')
    model = EdgeModel(*found, args.device, title='Demo model')
    return model, (
        'Edges by the **demo model**, which knows the generated set only: '
        f'{", ".join(model.classes)}. '
        'For photographs take the colour gradient, an edge map, or a model of yours '
        '(`--config`, `--checkpoint`).'
    )


if __name__ == '__main__':
    main()
