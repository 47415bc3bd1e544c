"""Real photographs in the report of the demo: rough labels, refined, beside what is simple."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsteal.demo.photographs import Photograph, PhotographFolder
from mmsteal.demo.pictures import enlarged, grid_as_jpeg, labelled, surroundings
from mmsteal.demo.simple_methods import grabcut_in_band, nearest_labels, outline_band
from mmsteal.evaluation import label_error
from mmsteal.functional import gradient_edges, refine_objects
from mmsteal.functional.refinement.refine_engines import Engine
from mmsteal.visualization.report import Figure, Paragraph, Section, Table

# What every method is told: all but a twentieth of the rough outlines are no further off.
ERROR_PX = 10.0
PANEL_WIDTH = 480

# RGB image -> edge probabilities (K, H, W)
Detector = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Source:
    """A source of edges, and what it is called."""

    name: str
    find: Detector


GRADIENT = Source('color gradient', lambda image: gradient_edges(image)[None])


def photograph_section(folder: Path, model: Source) -> Section:
    """Refine the rough labels of the photographs, and show what came of them.

    Args:
        folder: Where the photographs and their labels go; the refined ones, too.
        model: The network to find edges with.

    Returns:
        A picture of each photograph, and the IoU of each method with the careful outlines.
    """
    photographs = PhotographFolder(folder)
    ious: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    figures = []
    shown = photographs.read()
    for number, photo in enumerate(shown):
        found = {'as drawn': photo.rough}
        edges = {source.name: source.find(photo.image) for source in (model, GRADIENT)}
        for name, method in _methods(photo, edges).items():
            if number == 0:
                method()  # the first call compiles
            start = time.process_time()
            found[name] = method()
            seconds[name] = seconds.get(name, 0) + time.process_time() - start
        for name, labels in found.items():
            error = label_error([(_truth(photo), labels + 1)])
            ious.setdefault(name, []).append(100 * error.iou)
        photographs.write(photo.name, found[_joint(model.name)])
        figures.append(_figure(photo, found, edges, model.name))
    header = ['IoU, %', *(photo.name for photo in shown), 'mean', 'CPU s']
    rows = [
        [name, *values, float(np.mean(values)), seconds.get(name)] for name, values in ious.items()
    ]
    caption = (
        'Mean over the objects of a photograph, with outlines drawn by hand at fivefold '
        'magnification, which are right to a pixel or two. CPU seconds of all photographs '
        'together, without the edges.'
    )
    return Section(
        'Photographs',
        [
            Paragraph(_introduction(model, shown)),
            Table(header, rows, caption=caption, digits=1),
            *figures,
            Paragraph(
                f'The photographs, the rough polygons and the refined ones are LabelMe files: '
                f'{folder}. The photographs come with scikit-image.'
            ),
        ],
    )


def _introduction(model: Source, shown: Sequence[Photograph]) -> str:
    return (
        f'{sum(len(photo.classes) for photo in shown)} objects in {len(shown)} photographs, '
        'outlined in a hurry with a few clicks each, and moved by the joint labelling. The edges '
        f'are those of the {model.name}, which has never seen these photographs, and for '
        'comparison the color gradient, for which nothing was learnt. Beside it stands what one '
        'would try first: every label grown by half of the error, GrabCut, and level sets. All '
        f'are told that the outlines may be off by {ERROR_PX:g} px.'
    )


def _methods(
    photo: Photograph, edges: dict[str, NDArray[np.float32]]
) -> dict[str, Callable[[], NDArray[np.int32]]]:
    def refine(name: str, engine: Engine) -> Callable[[], NDArray[np.int32]]:
        return lambda: refine_objects(
            photo.rough,
            edges[name],
            image=photo.image,
            engine=engine,
            classes=[0] * len(photo.classes),
            background=True,
            error_px=ERROR_PX,
        )[0]

    band = outline_band(photo.rough, ERROR_PX)
    methods = {
        'nearest label': lambda: nearest_labels(photo.rough, ERROR_PX / 2),
        'GrabCut': lambda: grabcut_in_band(photo.image, photo.rough, band),
    }
    for name in edges:
        methods[f'level sets, {name}'] = refine(name, 'level_set')
    for name in reversed(edges):
        methods[_joint(name)] = refine(name, 'joint')
    return methods


def _joint(name: str) -> str:
    return f'joint labelling, {name}'


def _truth(photo: Photograph) -> NDArray[np.int32]:
    """Careful labels as :func:`label_error` takes them: from 1, 0 for none, -1 for ignored."""
    return np.where(photo.ignored, -1, photo.careful + 1)


def _figure(
    photo: Photograph,
    found: dict[str, NDArray[np.int32]],
    edges: dict[str, NDArray[np.float32]],
    model: str,
) -> Figure:
    box = surroundings((photo.rough >= 0) | (photo.careful >= 0))
    panels = {
        name: labelled(
            photo.image[box], found[name][box], _truth(photo)[box] - 1, width=PANEL_WIDTH
        )
        for name in ('as drawn', _joint(model), 'nearest label', 'GrabCut', _joint(GRADIENT.name))
    }
    strength = edges[model].max(axis=0)[box]
    dark_on_white = (255 * (1 - np.clip(strength, 0, 1))).astype(np.uint8)
    drawn = enlarged(dark_on_white[..., None].repeat(3, axis=2), PANEL_WIDTH)
    panels = {'as drawn': panels.pop('as drawn'), f'edges: {model}': drawn, **panels}
    kinds = ', '.join(dict.fromkeys(photo.classes))
    return Figure(
        grid_as_jpeg(panels, columns=3),
        f'{photo.name.capitalize()}: {kinds}. White lines: careful outlines, where they are clear.',
    )
