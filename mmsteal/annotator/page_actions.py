"""What the buttons of the page do: generators of status lines and of updates."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmsteal.annotator.class_list import parse_class_list
from mmsteal.annotator.edge_maps import edges_from_file
from mmsteal.annotator.edge_sources import DEMO_MODEL, UPLOAD, EdgeSources
from mmsteal.annotator.evolution import Settings, evolve
from mmsteal.annotator.examples import DEMO_SET, has_demo_set, open_example
from mmsteal.annotator.export import export_masks
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.page_layout import DIRECTIONS, JOINTLY, SEVERAL, PageLayout, brush
from mmsteal.annotator.pictures import read_picture
from mmsteal.annotator.rendering import paint_edges, paint_masks
from mmsteal.annotator.result_text import count_text, result_text, table_rows, typical_step
from mmsteal.annotator.session import Session
from mmsteal.files import write_file

# After a refinement; the buttons are named as on the page.
_NEXT = 'Not right? Change a setting, refine again. Right? Download below.'
# Colors at full size: outlines are one pixel wide.
_JPEG = [
    *(cv2.IMWRITE_JPEG_QUALITY, 92),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
]


class PageActions:
    """The actions, each `(session, *inputs)` -> status lines, and updates by component.

    Args:
        page (PageLayout): The components that are updated.
        sources (EdgeSources): Where edges come from.
        uploads (Path): Folder of pictures and archives.
    """

    def __init__(self, page: PageLayout, sources: EdgeSources, uploads: Path) -> None:
        self.page = page
        self.sources = sources
        self.uploads = uploads

    def open(self, session: Session, path: str | None) -> Iterator:
        """Begin with an uploaded image."""
        if path is None:
            return
        yield 'Reading the image …'
        picture = read_picture(path)
        height, width = picture.pixels.shape[:2]
        notes = f' ({"; ".join(picture.notes)})' if picture.notes else ''
        told = f'{picture.file_name}: {width} x {height}{notes}.'
        yield {
            **self._all(
                session.open(picture),
                f'{told} Now **draw**: paint over an object, then press **Add**.',
            ),
            **self._choose(self.sources.names[0]),
        }

    def example(self, name: str, session: Session) -> Iterator:
        """Begin with an example."""
        yield 'Opening the example …'
        example = open_example(name, self.sources.root)
        demo = name == DEMO_SET and DEMO_MODEL in self.sources.names
        yield {
            **self._all(
                example,
                f'An image with {count_text(example)} drawn roughly. Press **Refine**.',
            ),
            **self._choose(DEMO_MODEL if demo else self.sources.names[0]),
        }

    def load_labels(self, session: Session, path: str | None) -> Iterator:
        """Take the masks of an uploaded label PNG."""
        if path is None:
            return
        yield 'Reading the label map …'
        loaded = session.load_label_map(path)
        yield {
            **self._all(loaded, f'{count_text(loaded)} loaded. Press **Refine**.'),
            self.page.label_file: None,
        }

    def set_classes(self, session: Session, text: str) -> Iterator:
        """Use the list of classes that was typed."""
        names = parse_class_list(text or '')
        yield self._all(session.with_classes(names), f'{len(names)} classes.')

    def add(self, session: Session, drawn: Any, name: str, fill: bool) -> Iterator:
        """Make masks of what was drawn."""
        mask = _drawing(session, drawn)
        after = session.add_drawing(mask, name, fill=fill)
        yield self._all(after, f'{count_text(after)}. Draw more, or press **Refine**.')

    def erase(self, session: Session, drawn: Any, fill: bool) -> Iterator:
        """Take what was drawn away from all masks."""
        after = session.erase_drawing(_drawing(session, drawn), fill=fill)
        yield self._all(after, f'{count_text(after)} left.')

    def undo(self, session: Session) -> Iterator:
        """Take back the last action."""
        after = session.undo()
        yield self._all(after, f'Taken back: {session.history[-1].action}. {count_text(after)}.')

    def clear(self, session: Session) -> Iterator:
        """Remove all masks."""
        yield self._all(session.clear(), 'All masks removed; Undo brings them back.')

    def load_edges(self, session: Session, path: str | None) -> Iterator:
        """Use the edges of an uploaded PNG."""
        if path is None:
            return
        after = session.with_edges(edges_from_file(path, session.image.pixels.shape[:2]))
        yield {**self._edges(after), **self._result(after), self.page.status: 'Edge map loaded.'}

    def find(self, session: Session, source: str, path: str | None) -> Iterator:
        """Look for the edges, and show them."""
        yield self.sources.waiting_text(source)
        after = self.sources.find(session, source, path)
        yield {
            **self._result(after),
            **self._edges(after),
            self.page.tabs: gr.Tabs(selected='edges'),
            self.page.status: f'Edges from: {self.sources.title(source, path)}. '
            'Dark or colored: an edge is likely.',
        }

    def refine(
        self, session: Session, source: str, path: str | None, error_px: float, direction: str,
        stop_evidence: str, smoothing: float, min_gain: float, engine: str = JOINTLY,
    ) -> Iterator:  # fmt: skip
        """Move the masks to the edges, which are looked for first if need be."""
        settings = Settings(
            error_px=float(error_px),
            balloon=DIRECTIONS[direction],
            stop_evidence=None if stop_evidence == SEVERAL else float(stop_evidence),
            smoothing=int(smoothing),
            min_gain=float(min_gain),
        )
        if not session.image or not session.object_classes:
            raise AnnotatorError('There is no mask yet: draw one and press "Add", or load a PNG.')
        yield self.sources.waiting_text(source)
        given = session
        session = self.sources.find(session, source, path)
        sought = session is not given
        assert session.edges is not None
        yield f'Moving {count_text(session)} to the edges …'
        progress = gr.Progress()
        start = time.perf_counter()
        evolution = evolve(
            session.object_map,
            [session.classes[k] for k in session.object_classes],
            session.edges,
            settings,
            image=session.image.pixels if engine == JOINTLY else None,
            ignore=session.ignore,
            progress=lambda share, text: progress(share, desc=text),
        )
        after = session.with_evolution(evolution)
        yield {
            **self._result(after),
            **(self._edges(after) if sought else {}),
            self.page.step: gr.Slider(
                maximum=evolution.steps[-1], value=typical_step(after), interactive=True
            ),
            self.page.tabs: gr.Tabs(selected='result'),
            self.page.session: after,
            self.page.status: f'{result_text(after)} ({time.perf_counter() - start:.1f} s) {_NEXT}',
        }

    def step(self, session: Session, step: float) -> Iterator:
        """Show all objects at a step."""
        after = session.show_step(int(step))
        yield {**self._result(after, table=False), self.page.status: result_text(after)}

    def best(self, session: Session) -> Iterator:
        """Show each object at its best step."""
        after = session.show_step(None)
        yield {
            **self._result(after, table=False),
            self.page.step: typical_step(after),
            self.page.status: result_text(after),
        }

    def keep(self, session: Session) -> Iterator:
        """Go on with what is shown."""
        after = session.keep_result()
        yield self._all(after, 'The result is what you edit now. Draw more, or refine again.')

    def export(self, session: Session, name: str) -> Iterator:
        """Write what is shown in a label format."""
        yield 'Writing the masks …'
        # A folder of its own: an older archive may still be on its way to the browser.
        folder = self.uploads / 'archives' / uuid.uuid4().hex
        path = export_masks(session, name, folder)
        what = 'the result' if session.evolution else 'the masks as drawn'
        yield {
            self.page.archive: gr.File(value=str(path), visible=True),
            self.page.status: f'Ready: {what}, {path.name}. Click the size to download.',
        }

    def pick_source(self, session: Session, source: str) -> Iterator:
        """Show the box of the edge map where it is needed."""
        yield {self.page.edge_file: gr.File(visible=source == UPLOAD)}

    def pick_class(self, session: Session, name: str | None) -> Iterator:
        """Paint in the color of another class."""
        if name in session.classes:
            yield {self.page.editor: gr.ImageEditor(brush=brush(session, name))}

    def look_for_demo(self, session: Session, source: str) -> Iterator:
        """Offer what `mmsteal demo` has made since the page was opened."""
        sources = self.sources.names
        yield {
            self.page.source: gr.Radio(sources, value=source if source in sources else sources[0]),
            self.page.notice: self.sources.notice,
            self.page.examples[DEMO_SET]: gr.Button(visible=has_demo_set(self.sources.root)),
        }

    def _choose(self, source: str) -> dict:
        return {self.page.source: source, self.page.edge_file: gr.File(value=None, visible=False)}

    def _all(self, session: Session, status: str) -> dict:
        """Everything that depends on masks, classes and image."""
        name = session.classes[0]
        if session.object_classes:
            name = session.classes[session.object_classes[-1]]
        updates = {
            self.page.session: session,
            self.page.status: status,
            self.page.class_name: gr.Dropdown(choices=list(session.classes), value=name),
            self.page.class_text: '\n'.join(session.classes),
            self.page.archive: gr.File(value=None, visible=False),
            **self._result(session),
            self.page.tabs: gr.Tabs(selected='draw'),
        }
        if session.edges is None:
            updates[self.page.edge_image] = None
        if session.picture is not None:
            background = self._picture(paint_masks(session, session.object_map))
            updates[self.page.editor] = gr.ImageEditor(
                value={'background': background, 'layers': [], 'composite': background},
                brush=brush(session, name),
            )
        if session.evolution is None:
            updates[self.page.step] = gr.Slider(value=0, interactive=False)
        return updates

    def _result(self, session: Session, *, table: bool = True) -> dict:
        if session.evolution is None:
            return {self.page.session: session, self.page.compare: None, self.page.table: []}
        before = self._picture(paint_masks(session, session.object_map))
        after = self._picture(paint_masks(session, session.shown_map(), before=session.object_map))
        updates = {self.page.session: session, self.page.compare: (before, after)}
        if table:
            updates[self.page.table] = table_rows(session)
        return updates

    def _edges(self, session: Session) -> dict:
        picture = None
        if session.edges is not None:
            picture = self._picture(paint_edges(session, session.edges))
        return {self.page.session: session, self.page.edge_image: picture}

    def _picture(self, pixels: NDArray[np.uint8]) -> str:
        """A picture as a file that gradio serves as it is, written once.

        Gradio would write the picture before the refinement again at each step of the slider, under
        the name that the browser is reading. JPEG: a PNG of a photograph takes twenty times as
        long to write, and the masks do not come from here.
        """
        name = hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()
        path = self.uploads / 'pictures' / f'{name}_{len(pixels)}.jpg'
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            _, data = cv2.imencode('.jpg', pixels[..., ::-1], _JPEG)
            write_file(path, data.tobytes())
        else:
            path.touch()  # gradio removes what is old
        return str(path)


def _drawing(session: Session, drawn: Any) -> NDArray[np.bool_]:
    """What is painted in the editor, at the size of the image."""
    height, width = session.image.pixels.shape[:2]
    mask = np.zeros((height, width), bool)
    for layer in (drawn or {}).get('layers') or []:
        alpha = np.ascontiguousarray(np.asarray(layer)[..., -1])
        if alpha.shape != mask.shape:
            alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
        mask |= alpha > 127
    return mask
