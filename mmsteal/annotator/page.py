"""The page in the browser. It draws and wires; what happens to masks is in the other modules."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from mmsteal.annotator.class_list import parse_class_list
from mmsteal.annotator.edge_maps import (
    edges_from_detector,
    edges_from_file,
    edges_from_gradient,
)
from mmsteal.annotator.edge_model import EdgeModel, find_demo_model
from mmsteal.annotator.evolution import MAX_ERROR_PX, Settings, evolve
from mmsteal.annotator.examples import DEMO_SET, EXAMPLES, has_demo_set, open_example
from mmsteal.annotator.export import EXPORT_FORMATS, export_masks
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.pictures import MAX_BYTES, read_picture
from mmsteal.annotator.rendering import class_colors, display_shape, paint_edges, paint_masks
from mmsteal.annotator.session import Session
from mmsteal.files import write_file

logger = logging.getLogger(__name__)

GRADIENT = 'Colours of the image (no network)'
UPLOAD = 'An edge map of your own (PNG)'
DEMO_MODEL = 'Demo model'
DIRECTIONS = {
    'Automatic: try both': None,
    'Grow: drawn too small (c = 1)': 1.0,
    'Shrink: drawn too big (c = -1)': -1.0,
    'Neither (c = 0)': 0.0,
}
SEVERAL = 'several, the best is taken'
# After a refinement; the buttons are named as on the page.
_NEXT = 'Not right? Change a setting, refine again. Right? Download below.'
_FATES = {
    'empty': 'empty',
    'no outline': 'fills the image',
    'no gain': 'stays: no better outline in reach',
    'no edge map': 'stays: no edges for its class',
    'vanished': 'stays: it would vanish',
    'displacement': 'stays: better outlines are too far away',
    'swallowed': 'stays: others would swallow it',
}
_HEADERS = ['object', 'class', 'what happened', 'steps', 'moved, px', 'area before', 'area after']
_HEIGHT = 520
# Colours at full size: outlines are one pixel wide.
_JPEG = [
    *(cv2.IMWRITE_JPEG_QUALITY, 92),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
]
_CSS = """
.gradio-container { max-width: 1500px !important; }
#head h1 { margin: 0; font-size: 1.4em; }
#head p { margin: 0; }
#status { border-left: 4px solid var(--color-accent); padding: 8px 12px; min-height: 2.8em;
  position: sticky; top: 0; z-index: 50; background: var(--background-fill-secondary); }
#status p { font-size: 1.05em; margin: 0; }
button.low { max-height: 42px; align-self: center; white-space: nowrap; }
#side { gap: 10px; }
"""


class AnnotatorPage:
    """Builds the page and serves it.

    Args:
        work_dir (str | Path): Folder of uploads, archives and all else that the page writes.
        model (EdgeModel | None): The network for edges. The one of `make demo` is offered beside
            it, from when it is trained.
        root (str | Path): Top folder of the repository, where the demo is looked for.
        device (str | None): Where the demo model runs.
    """

    def __init__(
        self,
        work_dir: str | Path,
        *,
        model: EdgeModel | None = None,
        root: str | Path = '.',
        device: str | None = None,
    ) -> None:
        self.work_dir = Path(work_dir).resolve()
        self.models = {model.title: model} if model else {}
        self.classes = model.classes if model else ('object',)
        self.root = Path(root)
        self.device = device
        (self.work_dir / 'uploads').mkdir(parents=True, exist_ok=True)
        # Gradio keeps what is uploaded, and what it serves, here; Python its scratch files.
        os.environ['GRADIO_TEMP_DIR'] = str(self.work_dir / 'uploads')
        tempfile.tempdir = str(self.work_dir / 'uploads')
        self.blocks = self._build()

    def launch(self, host: str = '127.0.0.1', port: int = 7860) -> None:
        """Serve until interrupted."""
        self.blocks.queue(max_size=64).launch(
            server_name=host,
            server_port=port,
            share=False,
            max_file_size=MAX_BYTES,
            show_error=True,
            quiet=True,
            ssr_mode=False,
            footer_links=[],
            **_look(),
        )

    # Layout

    def _build(self) -> gr.Blocks:
        first = Session(classes=self.classes)
        with gr.Blocks(
            title='mmsteal annotator',
            analytics_enabled=False,
            delete_cache=(3600, 24 * 3600),
        ) as blocks:
            self.session = gr.State(first, time_to_live=12 * 3600)
            gr.Markdown(
                '# mmsteal annotator\nDraw a rough shape over an object; its outline moves to the '
                'edges of the image.',
                elem_id='head',
            )
            self.status = gr.Markdown(
                '**Load an image** on the left, or take an example.', elem_id='status'
            )
            with gr.Row():
                with gr.Column(scale=1, min_width=300, elem_id='side'):
                    self._build_inputs(first)
                    self._build_settings()
                    self._build_more(first)
                with gr.Column(scale=3):
                    self._build_tabs(first)
                    self._build_download()
            self._connect(blocks)
        return blocks

    def _build_tabs(self, first: Session) -> None:
        with gr.Tabs(elem_id='tabs') as self.tabs:
            with gr.Tab('2 Draw', id='draw'):
                self._build_editor(first)
            with gr.Tab('Edges', id='edges'):
                self.edge_image = gr.Image(
                    label='Edges: dark or coloured where one is likely', interactive=False,
                    format='png', height=_HEIGHT, elem_id='edge-image',
                    buttons=['download', 'fullscreen'],
                )  # fmt: skip
            with gr.Tab('4 Result: before and after', id='result'):
                self._build_result()

    def _build_inputs(self, first: Session) -> None:
        self.image_file = gr.File(
            label='1 Image: JPEG, PNG, WebP, BMP, TIFF', type='filepath', height=150,
            elem_id='image-file', file_types=['image'],
        )  # fmt: skip
        with gr.Row():
            self.examples = {
                name: gr.Button(
                    title, size='sm', elem_id=f'example-{name}', min_width=80,
                    visible=name != DEMO_SET or has_demo_set(self.root),
                )
                for name, title in EXAMPLES.items()
            }  # fmt: skip

    def _build_settings(self) -> None:
        self.error_px = gr.Slider(
            1, MAX_ERROR_PX, value=8, step=1, label='3 How far off may the drawing be? (pixels)',
            elem_id='error', info='Outlines move up to twice that.',
        )  # fmt: skip
        with gr.Row():
            self.refine = gr.Button('Refine', variant='primary', elem_id='refine', min_width=120)
            self.undo = gr.Button('Undo', elem_id='undo', min_width=80)

    def _build_more(self, first: Session) -> None:
        with gr.Accordion('Where the edges come from', open=False, elem_id='edges-accordion'):
            self.source = gr.Radio(
                self._sources(), value=self._sources()[0], show_label=False, elem_id='source',
            )  # fmt: skip
            self.notice = gr.Markdown(self._notice(), elem_id='notice')
            self.edge_file = gr.File(
                label='Edge map: white edges on black', type='filepath', height=120,
                visible=False, elem_id='edge-file',
            )  # fmt: skip
            self.find = gr.Button('Show edges', size='sm', elem_id='find')
        with gr.Accordion('More settings', open=False, elem_id='more'):
            self.direction = gr.Dropdown(
                list(DIRECTIONS), value=next(iter(DIRECTIONS)), label='Which way (balloon force c)',
                elem_id='direction', info='Whether shapes are drawn too small or too big.',
            )  # fmt: skip
            self.stop_evidence = gr.Dropdown(
                [SEVERAL, '0.02', '0.1', '0.3', '0.6', '0.9', '1.5'], value=SEVERAL,
                label='Stop at edges of this strength (p*)',
                info='Low: stops at any edge. High: walks over faint ones.',
            )  # fmt: skip
            self.smoothing = gr.Slider(
                0, 4, value=1, step=1, label='Smoothness (curvature κ)',
                info='How often each step rounds the outline off.',
            )  # fmt: skip
            self.min_gain = gr.Slider(
                0, 1, value=0.1, step=0.05, label='Caution (least gain)',
                info='How much likelier the new outline must be, or the old one stays (0.1: 10 %).',
            )  # fmt: skip
        with gr.Accordion('Names of the classes', open=False, elem_id='class-accordion'):
            self.class_text = gr.Textbox(
                '\n'.join(first.classes), lines=5, max_lines=8, show_label=False, container=False,
                elem_id='class-text', placeholder='one name a line',
            )  # fmt: skip
            self.set_classes = gr.Button('Use these names', size='sm', elem_id='set-classes')
        with gr.Accordion('Masks that you have (label PNG)', open=False):
            self.label_file = gr.File(
                label='0 background, 1, 2, ... the classes, 255 ignored', type='filepath',
                height=120, elem_id='label-file',
            )  # fmt: skip

    def _build_editor(self, first: Session) -> None:
        gr.Markdown(
            'Paint over an object, or draw a closed line around it; then press **Add**. '
            'Add as many as you like.'
        )
        with gr.Row(equal_height=True):
            self.class_name = gr.Dropdown(
                list(first.classes), value=first.classes[0], label='Class (type to find)',
                filterable=True,
                elem_id='class-name', scale=2, min_width=160,
            )  # fmt: skip
            self.fill = gr.Checkbox(True, label='Fill closed lines', elem_id='fill', min_width=120)
            self.add = gr.Button(
                'Add', variant='primary', elem_id='add', elem_classes='low', min_width=80
            )
            self.erase = gr.Button('Erase', elem_id='erase', elem_classes='low', min_width=80)
            self.clear = gr.Button('Remove all', elem_id='clear', elem_classes='low', min_width=110)
        self.editor = gr.ImageEditor(
            type='numpy', image_mode='RGBA', sources=(), transforms=(), format='png',
            layers=False, show_label=False, height=_HEIGHT, elem_id='editor',
            brush=_brush(first, first.classes[0]), eraser=gr.Eraser(default_size=24),
            placeholder='The image comes here.',
        )  # fmt: skip

    def _build_result(self) -> None:
        self.compare = gr.ImageSlider(
            label='before | after: pull the line. Dashed: as it was', format='png',
            type='numpy', interactive=False, height=_HEIGHT, elem_id='compare', slider_position=6,
        )  # fmt: skip
        with gr.Row(equal_height=True):
            self.step = gr.Slider(
                0, 2, value=0, step=2, label='Step of the evolution (t), all objects alike',
                interactive=False, elem_id='step', scale=4,
            )  # fmt: skip
            self.best = gr.Button('Best steps', elem_id='best', elem_classes='low', min_width=120)
            self.keep = gr.Button(
                'Edit this result', elem_id='keep', elem_classes='low', min_width=130
            )
        self.table = gr.Dataframe(
            headers=_HEADERS, interactive=False, elem_id='table', label='Objects', max_height=260
        )

    def _build_download(self) -> None:
        with gr.Row(equal_height=True):
            self.format = gr.Dropdown(
                [(title, name) for title, name in EXPORT_FORMATS.items()], value='png',
                label='5 Download: format', elem_id='format', scale=2,
            )  # fmt: skip
            self.export = gr.Button(
                'Make the file', elem_id='export', elem_classes='low', min_width=120
            )
            self.archive = gr.File(
                label='Masks', interactive=False, visible=False, elem_id='archive', scale=2
            )

    # Wiring

    def _connect(self, blocks: gr.Blocks) -> None:
        drawing = [self.editor, self.class_name, self.fill]
        edges = [self.source, self.edge_file]
        settings = [
            self.error_px,
            self.direction,
            self.stop_evidence,
            self.smoothing,
            self.min_gain,
        ]
        # What an action may change: the browser draws anew what an event names.
        shown = [self.compare, self.step]
        found = [*shown, self.table, self.edge_image, self.tabs]
        masks = [self.editor, self.class_name, self.class_text, self.archive, *found]
        opened = [*masks, self.source, self.edge_file]
        self._on(self.image_file.upload, self._open, [self.image_file], opened)
        for name, button in self.examples.items():
            self._on(button.click, partial(self._example, name), [], opened)
        self._on(self.label_file.upload, self._load_labels, [self.label_file], masks)
        self._on(self.set_classes.click, self._set_classes, [self.class_text], masks)
        self._on(self.edge_file.upload, self._load_edges, [self.edge_file], found)
        self._on(self.add.click, self._add, drawing, masks)
        self._on(self.erase.click, self._erase, [self.editor, self.fill], masks)
        self._on(self.undo.click, self._undo, [], masks)
        self._on(self.clear.click, self._clear, [], masks)
        self._on(self.find.click, self._find, edges, found)
        self._on(self.refine.click, self._refine, [*edges, *settings], found)
        self._on(self.keep.click, self._keep, [], masks)
        self._on(self.step.input, self._step, [self.step], shown, trigger_mode='always_last',
                 show_progress='hidden')  # fmt: skip
        self._on(self.best.click, self._best, [], shown)
        self._on(self.export.click, self._export, [self.format], [self.archive])
        self._on(self.source.change, self._pick_source, [self.source], [self.edge_file])
        self._on(self.class_name.change, self._pick_class, [self.class_name], [self.editor])
        demo = [self.source, self.notice, self.examples[DEMO_SET]]
        self._on(blocks.load, self._look_for_demo, [self.source], demo, show_progress='hidden')

    def _on(
        self, event: Callable, action: Callable, inputs: list, outputs: list, **options: Any
    ) -> None:
        """Call `action(session, *inputs)`, a generator of updates, and show what goes wrong."""
        # What was refused does not stay in its box.
        uploads = [box for box in inputs if box in (self.image_file, self.label_file)]

        def guarded(session: Session, *values: Any, progress: Any = gr.Progress()) -> Iterator:  # noqa: B008
            try:
                for update in action(session, *values):
                    yield {self.status: update} if isinstance(update, str) else update
            except AnnotatorError as error:
                gr.Warning(str(error))
                yield {self.status: f'⚠️ {error}', **dict.fromkeys(uploads)}
            except MemoryError:
                yield {self.status: '⚠️ The memory is full; try a smaller image.'}
            except Exception as error:
                logger.exception('the page could not do that')
                message = f'That did not work ({type(error).__name__}: {error}). Nothing changed.'
                gr.Warning(message)
                yield {self.status: f'⚠️ {message}'}

        guarded.__name__ = getattr(action, 'func', action).__name__.strip('_')
        # One at a time: a tab must not overtake itself.
        event(
            guarded,
            [self.session, *inputs],
            [self.session, self.status, *outputs, *uploads],
            concurrency_limit=1,
            concurrency_id='annotator',
            **{'show_progress': 'minimal', 'show_progress_on': self.status, **options},
        )

    # What the buttons do: generators of status lines and of updates

    def _open(self, session: Session, path: str | None) -> Iterator:
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
            **self._choose(self._sources()[0]),
        }

    def _example(self, name: str, session: Session) -> Iterator:
        yield 'Opening the example …'
        example = open_example(name, self.root)
        demo = name == DEMO_SET and DEMO_MODEL in self._sources()
        yield {
            **self._all(
                example,
                f'An image with {_count(example)} drawn roughly. Press **Refine**.',
            ),
            **self._choose(DEMO_MODEL if demo else self._sources()[0]),
        }

    def _load_labels(self, session: Session, path: str | None) -> Iterator:
        if path is None:
            return
        yield 'Reading the label map …'
        loaded = session.load_label_map(path)
        yield {
            **self._all(loaded, f'{_count(loaded)} loaded. Press **Refine**.'),
            self.label_file: None,
        }

    def _set_classes(self, session: Session, text: str) -> Iterator:
        names = parse_class_list(text or '')
        yield self._all(session.with_classes(names), f'{len(names)} classes.')

    def _add(self, session: Session, drawn: Any, name: str, fill: bool) -> Iterator:
        mask = _drawing(session, drawn)
        after = session.add_drawing(mask, name, fill=fill)
        yield self._all(after, f'{_count(after)}. Draw more, or press **Refine**.')

    def _erase(self, session: Session, drawn: Any, fill: bool) -> Iterator:
        after = session.erase_drawing(_drawing(session, drawn), fill=fill)
        yield self._all(after, f'{_count(after)} left.')

    def _undo(self, session: Session) -> Iterator:
        after = session.undo()
        yield self._all(after, f'Taken back: {session.history[-1].action}. {_count(after)}.')

    def _clear(self, session: Session) -> Iterator:
        yield self._all(session.clear(), 'All masks removed; Undo brings them back.')

    def _load_edges(self, session: Session, path: str | None) -> Iterator:
        if path is None:
            return
        after = session.with_edges(edges_from_file(path, session.image.pixels.shape[:2]))
        yield {**self._edges(after), **self._result(after), self.status: 'Edge map loaded.'}

    def _find(self, session: Session, source: str, path: str | None) -> Iterator:
        yield self._search(source)
        after = self._with_edges(session, source, path)
        yield {
            **self._result(after),
            **self._edges(after),
            self.tabs: gr.Tabs(selected='edges'),
            self.status: f'Edges from: {self._title(source, path)}. '
            'Dark or coloured: an edge is likely.',
        }

    def _refine(
        self, session: Session, source: str, path: str | None, error_px: float, direction: str,
        stop_evidence: str, smoothing: float, min_gain: float,
    ) -> Iterator:  # fmt: skip
        settings = Settings(
            error_px=float(error_px),
            balloon=DIRECTIONS[direction],
            stop_evidence=None if stop_evidence == SEVERAL else float(stop_evidence),
            smoothing=int(smoothing),
            min_gain=float(min_gain),
        )
        if not session.image or not session.object_classes:
            raise AnnotatorError('There is no mask yet: draw one and press "Add", or load a PNG.')
        yield self._search(source)
        given = session
        session = self._with_edges(session, source, path)
        sought = session is not given
        assert session.edges is not None
        yield f'Moving {_count(session)} to the edges …'
        progress = gr.Progress()
        start = time.perf_counter()
        evolution = evolve(
            session.object_map,
            [session.classes[k] for k in session.object_classes],
            session.edges,
            settings,
            ignore=session.ignore,
            progress=lambda share, text: progress(share, desc=text),
        )
        after = session.with_evolution(evolution)
        yield {
            **self._result(after),
            **(self._edges(after) if sought else {}),
            self.step: gr.Slider(
                maximum=evolution.steps[-1], value=_typical_step(after), interactive=True
            ),
            self.tabs: gr.Tabs(selected='result'),
            self.session: after,
            self.status: f'{_summary(after)} ({time.perf_counter() - start:.1f} s) {_NEXT}',
        }

    def _step(self, session: Session, step: float) -> Iterator:
        after = session.show_step(int(step))
        yield {**self._result(after, table=False), self.status: _summary(after)}

    def _best(self, session: Session) -> Iterator:
        after = session.show_step(None)
        yield {
            **self._result(after, table=False),
            self.step: _typical_step(after),
            self.status: _summary(after),
        }

    def _keep(self, session: Session) -> Iterator:
        after = session.keep_result()
        yield self._all(after, 'The result is what you edit now. Draw more, or refine again.')

    def _export(self, session: Session, name: str) -> Iterator:
        yield 'Writing the masks …'
        # A folder of its own: an older archive may still be on its way to the browser.
        folder = self.work_dir / 'uploads' / 'archives' / uuid.uuid4().hex
        path = export_masks(session, name, folder)
        what = 'the result' if session.evolution else 'the masks as drawn'
        yield {
            self.archive: gr.File(value=str(path), visible=True),
            self.status: f'Ready: {what}, {path.name}. Click the size to download.',
        }

    def _pick_source(self, session: Session, source: str) -> Iterator:
        yield {self.edge_file: gr.File(visible=source == UPLOAD)}

    def _pick_class(self, session: Session, name: str | None) -> Iterator:
        if name in session.classes:
            yield {self.editor: gr.ImageEditor(brush=_brush(session, name))}

    def _look_for_demo(self, session: Session, source: str) -> Iterator:
        sources = self._sources()
        yield {
            self.source: gr.Radio(sources, value=source if source in sources else sources[0]),
            self.notice: self._notice(),
            self.examples[DEMO_SET]: gr.Button(visible=has_demo_set(self.root)),
        }

    # Helpers

    def _sources(self) -> list[str]:
        """Where edges can come from, the one for photographs first."""
        demo = [DEMO_MODEL] if find_demo_model(self.root) else []
        return [*(name for name in self.models if name != DEMO_MODEL), GRADIENT, *demo, UPLOAD]

    def _notice(self) -> str:
        """What to know about the sources of edges."""
        notes = [f'**{n}** knows: {", ".join(m.classes)}.' for n, m in self.models.items()]
        notes.append(
            'With the colours any texture counts as an edge: best for objects on calm ground.'
        )
        if DEMO_MODEL in self._sources():
            notes.append('The demo model knows the textures of its generated set, no photographs.')
        else:
            notes.append('A model of yours: start with `--config` and `--checkpoint`.')
        return ' '.join(notes)

    def _search(self, source: str) -> str:
        if source == DEMO_MODEL and source not in self.models:
            return 'Loading the demo model (some seconds, once) …'
        return f'Looking for edges ({source}) …'

    def _choose(self, source: str) -> dict:
        return {self.source: source, self.edge_file: gr.File(value=None, visible=False)}

    def _model(self, title: str) -> EdgeModel:
        if title not in self.models:
            found = find_demo_model(self.root)
            if found is None:
                raise AnnotatorError('The demo model is gone; `make demo` trains it again.')
            self.models[title] = EdgeModel(*found, self.device, title=title)
        return self.models[title]

    def _title(self, source: str, path: str | None) -> str:
        if source == GRADIENT:
            return 'colour gradient'
        if source == UPLOAD:
            return f'edge map {Path(path).name}' if path else ''
        return source

    def _with_edges(self, session: Session, source: str, path: str | None) -> Session:
        pixels = session.image.pixels
        if session.edges is not None and session.edges.source == self._title(source, path):
            return session
        if source == UPLOAD:
            if path is None:
                raise AnnotatorError('Load an edge map first (left, "Where the edges come from").')
            return session.with_edges(edges_from_file(path, pixels.shape[:2]))
        if source == GRADIENT:
            return session.with_edges(edges_from_gradient(pixels))
        model = self._model(source)
        edges = edges_from_detector(pixels, model, model.classes, model.title)
        return session.with_edges(edges)

    def _all(self, session: Session, status: str) -> dict:
        """Everything that depends on masks, classes and image."""
        name = session.classes[0]
        if session.object_classes:
            name = session.classes[session.object_classes[-1]]
        updates = {
            self.session: session,
            self.status: status,
            self.class_name: gr.Dropdown(choices=list(session.classes), value=name),
            self.class_text: '\n'.join(session.classes),
            self.archive: gr.File(value=None, visible=False),
            **self._result(session),
            self.tabs: gr.Tabs(selected='draw'),
        }
        if session.edges is None:
            updates[self.edge_image] = None
        if session.picture is not None:
            background = self._picture(paint_masks(session, session.object_map))
            updates[self.editor] = gr.ImageEditor(
                value={'background': background, 'layers': [], 'composite': background},
                brush=_brush(session, name),
            )
        if session.evolution is None:
            updates[self.step] = gr.Slider(value=0, interactive=False)
        return updates

    def _result(self, session: Session, *, table: bool = True) -> dict:
        if session.evolution is None:
            return {self.session: session, self.compare: None, self.table: []}
        before = self._picture(paint_masks(session, session.object_map))
        after = self._picture(paint_masks(session, session.shown_map(), before=session.object_map))
        updates = {self.session: session, self.compare: (before, after)}
        if table:
            updates[self.table] = _rows(session)
        return updates

    def _edges(self, session: Session) -> dict:
        picture = None
        if session.edges is not None:
            picture = self._picture(paint_edges(session, session.edges))
        return {self.session: session, self.edge_image: picture}

    def _picture(self, pixels: NDArray[np.uint8]) -> str:
        """A picture as a file that gradio serves as it is, written once.

        Gradio would write the picture before the refinement again at each step of the slider, under
        the name that the browser is reading. JPEG: a PNG of a photograph takes twenty times as
        long to write, and the masks do not come from here.
        """
        name = hashlib.blake2b(pixels.tobytes(), digest_size=16).hexdigest()
        path = self.work_dir / 'uploads' / 'pictures' / f'{name}_{len(pixels)}.jpg'
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


def _brush(session: Session, name: str) -> gr.Brush:
    red, green, blue = class_colors(len(session.classes))[session.classes.index(name)].tolist()
    color = f'#{red:02x}{green:02x}{blue:02x}'
    size = 12
    if session.picture is not None:  # in pixels of the image
        size = max(2, round(max(display_shape(session.picture.pixels.shape)) / 60))
    return gr.Brush(default_size=size, colors=[color], default_color=color, color_mode='fixed')


def _count(session: Session) -> str:
    count = len(session.object_classes)
    return f'{count} mask{"" if count == 1 else "s"}'


def _typical_step(session: Session) -> int:
    """Where the slider stands while each object is at its best step."""
    reports = session.result.reports
    steps = [report.alignment.step for report in reports if report.status == 'moved']
    return session.result.nearest(int(np.median(steps))) if steps else 0


def _summary(session: Session) -> str:
    evolution = session.result
    before, after = (evolution.mean_edge(step) for step in (0, session.step))
    change = ''
    if not (math.isnan(before) or math.isnan(after)):
        change = f' Edge probability along the outlines: {before:.2f} before, {after:.2f} now.'
    if session.step is not None:
        return f'All objects at step {session.step} of {evolution.steps[-1]}.{change}'
    moved = sum(report.status == 'moved' for report in evolution.reports)
    return f'{moved} of {len(evolution.reports)} objects moved, each to its best step.{change}'


def _rows(session: Session) -> list[list]:
    rows = []
    for m, report in enumerate(session.result.reports):
        if report.status == 'moved':
            fate = 'grew' if report.area_refined > report.area_given else 'shrank'
        else:
            fate = _FATES.get(report.reason, report.reason)
        rows.append([
            m + 1, session.classes[session.object_classes[m]], fate, report.alignment.step,
            f'{report.mean_displacement_px:.1f}', report.area_given, report.area_refined,
        ])  # fmt: skip
    return rows


def _look() -> dict[str, Any]:
    """Fonts of the system: the page loads nothing from other servers."""
    font = ['system-ui', 'sans-serif']
    mono = ['ui-monospace', 'monospace']
    return {'theme': gr.themes.Default(font=font, font_mono=mono), 'css': _CSS}
