"""CPU time of the annotator page: `python benchmarks/bench_annotator.py [--objects N]`.

One image of 512 x 1024 with N ellipses of four classes, drawn 8 px too small and too big by turns,
edges of the colors. The evolution of the masks alone; each action of the page (the callback:
masks, pictures, messages); and the same action through gradio, with its checks, its JSON and an
event loop. The browser is not in it. Without gradio nothing is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from measurement import Case, Row, make_parser, median_ms
from measurement import run as run_cases

from mmsteal.annotator import Picture, Session, Settings, evolve
from mmsteal.annotator.warm_up import warm_up

if TYPE_CHECKING:
    from mmsteal.annotator.page import AnnotatorPage

ERROR_PX = 8
HEIGHT, WIDTH = 512, 1024
CLASSES = ('a', 'b', 'c', 'd')


def rows(args: argparse.Namespace) -> Iterator[Row]:
    """Each action of the page."""
    if min(args.objects, args.repeats) < 1:
        raise ValueError('expected --objects and --repeats of at least 1')
    if find_spec('gradio') is None:
        yield Row('annotator page', note='not measured: install gradio, then use --fresh')
        return
    from mmsteal.annotator.edge_sources import GRADIENT
    from mmsteal.annotator.page import AnnotatorPage
    from mmsteal.annotator.page_layout import DIRECTIONS, SEVERAL

    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        page = AnnotatorPage(folder)
        drawn = scene(args.objects)
        settings = (float(ERROR_PX), next(iter(DIRECTIONS)), SEVERAL, 1, 0.1)
        found = run(page, page.actions.find(drawn, GRADIENT, None))
        refined = run(page, page.actions.refine(found, GRADIENT, None, *settings))
        names = [found.classes[k] for k in found.object_classes]
        where = f'{HEIGHT} x {WIDTH}, {len(names)} objects'

        def alone() -> None:
            options = Settings(error_px=ERROR_PX)
            evolve(found.object_map, names, found.edges, options, ignore=found.ignore)

        yield Row(f'annotator page, the evolution alone, {where}', median_ms(alone, args.repeats))
        for name, session, action, values in (
            ('find edges', drawn, page.actions.find, [GRADIENT, None]),
            ('refine', found, page.actions.refine, [GRADIENT, None, *settings]),
            ('a step of the slider', refined, page.actions.step, [2]),
            ('best steps', refined, page.actions.best, []),
            ('undo', refined, page.actions.undo, []),
        ):

            def callback(action=action, session=session, values=values) -> None:
                run(page, action(session, *values))

            whole = median_ms(
                lambda state, action=action, values=values: asyncio.run(
                    through_gradio(page, state, action, values)
                ),
                args.repeats,
                prepare=lambda session=session: (state_of(page, session),),
            )
            yield Row(
                f'annotator page, {name}, {where}',
                median_ms(callback, args.repeats),
                note=f"with gradio's share: {whole:.0f} ms",
            )


def scene(num_objects: int) -> Session:
    """Ellipses on noise, and rough masks of them."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(90, 120, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    columns = max(round((2 * num_objects) ** 0.5), 1)
    cell = min(WIDTH // columns, HEIGHT // -(-num_objects // columns))
    for i in range(num_objects):
        center = (cell * (i % columns) + cell // 2, cell * (i // columns) + cell // 2)
        axes = (int(cell * 0.36), int(cell * 0.3))
        error = ERROR_PX if i % 2 else -ERROR_PX
        cv2.ellipse(pixels, center, axes, 0, 0, 360, (200, i * 30 % 255, 40), -1)
        rough = [max(axis + error, 2) for axis in axes]
        cv2.ellipse(labels, center, rough, 0, 0, 360, (1 + i % len(CLASSES),), -1)
    picture = Picture('scene', 'scene.png', cv2.GaussianBlur(pixels, (0, 0), 1))
    return Session(classes=CLASSES).open(picture).with_label_map(labels)


def run(page: AnnotatorPage, updates: Any) -> Session:
    """The session after an action."""
    session = None
    for update in updates:
        if isinstance(update, dict):
            session = update.get(page.layout.session, session)
    return session


def state_of(page: AnnotatorPage, session: Session) -> Any:
    """What gradio keeps of a browser tab in which a session is open."""
    from gradio.state_holder import SessionState

    state = SessionState(page.blocks)
    state[page.layout.session._id] = session
    return state


async def through_gradio(page: AnnotatorPage, state: Any, action: Callable, values: list) -> None:
    """An action with what gradio does before and after it."""
    function = next(f for f in page.blocks.fns.values() if f.name == action.__name__)
    iterator = None
    while True:
        answer = await page.blocks.process_api(
            function, [None, *values], state=state, iterator=iterator
        )
        iterator = answer.get('iterator')
        if not answer['is_generating']:
            break


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {'page': lambda: rows(args)}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--objects', type=int, default=8)
    parser.add_argument('--repeats', type=int, default=5)
    run_cases(cases, parser, argv, objects=2, repeats=1)


if __name__ == '__main__':
    main()
