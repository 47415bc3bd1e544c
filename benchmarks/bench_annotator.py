"""CPU time of the annotator page: `python benchmarks/bench_annotator.py [--objects N]`.

One image of 512 x 1024 with N ellipses of four classes, drawn 8 px too small and too big by turns,
edges of the colours. Each action of the page (the callback: masks, pictures, messages) against the
evolution of the same masks alone; and the action through gradio, with its checks and its JSON. The
browser is not in it. One thread; the least of several runs.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from mmsteal.annotator import Picture, Session, Settings, evolve
from mmsteal.annotator.warm_up import warm_up

if TYPE_CHECKING:
    from mmsteal.annotator.page import AnnotatorPage

ERROR_PX = 8
HEIGHT, WIDTH = 512, 1024
CLASSES = ('a', 'b', 'c', 'd')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='CPU time of the annotator page.')
    parser.add_argument('--objects', type=int, default=8)
    parser.add_argument('--repeats', type=int, default=5)
    args = parser.parse_args()
    if min(args.objects, args.repeats) < 1:
        parser.error('expected --objects and --repeats of at least 1')
    return args


def main() -> None:
    args = parse_args()
    from mmsteal.annotator.page import DIRECTIONS, GRADIENT, SEVERAL, AnnotatorPage  # needs gradio

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        page = AnnotatorPage(folder)
        drawn = scene(args.objects)
        settings = (float(ERROR_PX), next(iter(DIRECTIONS)), SEVERAL, 1, 0.1)
        found = run(page, page._find(drawn, GRADIENT, None))
        refined = run(page, page._refine(found, GRADIENT, None, *settings))
        names = [found.classes[k] for k in found.object_classes]
        alone = least(
            lambda: evolve(
                found.object_map,
                names,
                found.edges,
                Settings(error_px=ERROR_PX),
                ignore=found.ignore,
            ),
            args.repeats,
        )
        rows = {
            'find edges': (drawn, page._find, [GRADIENT, None]),
            'refine': (found, page._refine, [GRADIENT, None, *settings]),
            'step': (refined, page._step, [2]),
            'best steps': (refined, page._best, []),
            'undo': (refined, page._undo, []),
        }
        print(f'{platform.processor() or platform.machine()}, one thread, {len(names)} objects')
        print(f'{"action":12s} {"callback, ms":>13s} {"through gradio, ms":>19s}')
        print(f'{"evolve alone":12s} {alone:13.0f}')
        for name, (session, action, values) in rows.items():
            ours = least(lambda: run(page, action(session, *values)), args.repeats)  # noqa: B023
            whole = asyncio.run(through_gradio(page, session, action, values, args.repeats))
            print(f'{name:12s} {ours:13.0f} {whole:19.0f}')


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
            session = update.get(page.session, session)
    return session


def least(action: Callable[[], Any], repeats: int) -> float:
    """CPU time in ms."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1000 * min(times)


async def through_gradio(
    page: AnnotatorPage, session: Session, action: Callable, values: list, repeats: int
) -> float:
    """CPU time in ms of an action with what gradio does before and after it."""
    from gradio.state_holder import SessionState

    name = action.__name__.strip('_')
    function = next(f for f in page.blocks.fns.values() if f.name == name)
    times = []
    for _ in range(repeats):
        state = SessionState(page.blocks)
        state[page.session._id] = session
        start, iterator = time.process_time(), None
        while True:
            answer = await page.blocks.process_api(
                function, [None, *values], state=state, iterator=iterator
            )
            iterator = answer.get('iterator')
            if not answer['is_generating']:
                break
        times.append(time.process_time() - start)
    return 1000 * min(times)


if __name__ == '__main__':
    main()
