"""How long imports and the refinement command take to get going, beside `import torch`.

    python benchmarks/bench_startup.py [--repeats 5]

CPU time, user and system, of processes that take turns, each from start to end: (a) imports: the
functions and the label formats by themselves, which load nothing of the mm stack, and what is made
of the stack, beside the stack itself; (b) `tools/refine.py --help`, and the command given edge maps
of images that an earlier run has refined, so that all it does is to find that out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from measurement import REPO, Case, Row, Target, make_parser, process_seconds, run

from mmsteal.functional.edge_maps.edges import mask_edges

TORCH = 'import torch'
STACK = 'import mmcv, mmseg.models, mmseg.datasets'
TOOL = REPO / 'tools' / 'refine.py'
LIMIT_MS = 2500.0


def importing(statement: str) -> list[str]:
    return [sys.executable, '-c', f'import sys; sys.path.insert(0, {str(REPO)!r}); {statement}']


def times_in_turn(commands: Mapping[str, Sequence[str]], repeats: int) -> dict[str, float]:
    """Median milliseconds of commands; one more round warms up and is not counted."""
    rounds = [
        {name: 1e3 * process_seconds(words) for name, words in commands.items()}
        for _ in range(repeats + 1)
    ]
    return {name: median(times[name] for times in rounds[1:]) for name in commands}


def import_rows(args: argparse.Namespace) -> Iterator[Row]:
    """(a): imports."""
    functions = 'import mmsteal.functional'
    others = ('import mmsteal', 'import mmsteal.label_formats', functions)
    made_of_the_stack = 'import mmsteal.registered'
    names = (TORCH, *others, STACK, made_of_the_stack)
    times = times_in_turn({name: importing(name) for name in names}, args.repeats)
    for name in others:
        targets = [Target('overhead', 0.3)] if name == functions else []
        yield Row(f'`{name}`', times[name], f'`{TORCH}`', times[TORCH], 'overhead', targets)
    yield Row(f'`{made_of_the_stack}`', times[made_of_the_stack], f'`{STACK}`', times[STACK],
              'overhead')  # fmt: skip


def write_set(root: Path) -> list[str]:
    """A label with its edge map; gives the arguments that refine it."""
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 1
    pictures = {
        'labels': mask, 'images': mask, 'edges/class_001': 255 * mask_edges(mask, radius=1),
    }  # fmt: skip
    for folder, picture in pictures.items():
        (root / folder).mkdir(parents=True)
        cv2.imwrite(str(root / folder / 'one.png'), picture)
    folders = [word for name in ('labels', 'images', 'edges', 'out')
               for word in (f'--{name}', str(root / name))]  # fmt: skip
    return ['--format', 'png', *folders, '--workers', '0', '--contact-sheet', '0']


def tool_rows(args: argparse.Namespace) -> Iterator[Row]:
    """(b): the command."""
    command = [sys.executable, str(TOOL)]
    with tempfile.TemporaryDirectory() as folder:
        words = [*command, *write_set(Path(folder))]
        # The warm-up refines the image; the rounds that count find it done.
        times = times_in_turn(
            {'help': [*command, '--help'], 'run': words, TORCH: importing(TORCH)}, args.repeats
        )
    for name, what in (
        ('help', '`tools/refine.py --help`'),
        ('run', '`tools/refine.py`, given edge maps, before the first image'),
    ):
        targets = [Target('time', LIMIT_MS)]
        yield Row(what, times[name], f'`{TORCH}`', times[TORCH], 'overhead', targets)


def cases(args: argparse.Namespace) -> dict[str, Case]:
    return {'imports': lambda: import_rows(args), 'tool': lambda: tool_rows(args)}


def main(argv: list[str] | None = None) -> None:
    parser = make_parser(__doc__)
    parser.add_argument('--repeats', type=int, default=5)
    run(cases, parser, argv, repeats=1)


if __name__ == '__main__':
    main()
