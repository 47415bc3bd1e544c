"""What is on the page, and where. Nothing here does anything."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmsteal.annotator.edge_sources import EdgeSources
from mmsteal.annotator.evolution import MAX_ERROR_PX, Settings
from mmsteal.annotator.examples import DEMO_SET, EXAMPLES, has_demo_set
from mmsteal.annotator.export import EXPORT_FORMATS
from mmsteal.annotator.rendering import class_colors, display_shape
from mmsteal.annotator.result_text import HEADERS
from mmsteal.annotator.session import Session
from mmsteal.functional import STOP_EVIDENCES

DIRECTIONS = {
    'Automatic: try both': None,
    'Grow: drawn too small (c = 1)': 1.0,
    'Shrink: drawn too big (c = -1)': -1.0,
    'Neither (c = 0)': 0.0,
}
SEVERAL = 'several, the best is taken'
JOINTLY = 'All masks at once, by edges and colors'
STEPWISE = 'Each mask to its best step'
_HEIGHT = 520
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


class PageLayout:
    """The components of the page; made inside of a `gr.Blocks`.

    Args:
        first (Session): What a new tab begins with.
        sources (EdgeSources): Where edges can come from.
    """

    def __init__(self, first: Session, sources: EdgeSources) -> None:
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
                self._build_inputs(sources)
                self._build_settings()
                self._build_more(first, sources)
            with gr.Column(scale=3):
                self._build_tabs(first)
                self._build_download()

    def _build_tabs(self, first: Session) -> None:
        with gr.Tabs(elem_id='tabs') as self.tabs:
            with gr.Tab('2 Draw', id='draw'):
                self._build_editor(first)
            with gr.Tab('Edges', id='edges'):
                self.edge_image = gr.Image(
                    label='Edges: dark or colored where one is likely', interactive=False,
                    format='png', height=_HEIGHT, elem_id='edge-image',
                    buttons=['download', 'fullscreen'],
                )  # fmt: skip
            with gr.Tab('4 Result: before and after', id='result'):
                self._build_result()

    def _build_inputs(self, sources: EdgeSources) -> None:
        self.image_file = gr.File(
            label='1 Image: JPEG, PNG, WebP, BMP, TIFF', type='filepath', height=150,
            elem_id='image-file', file_types=['image'],
        )  # fmt: skip
        with gr.Row():
            self.examples = {
                name: gr.Button(
                    title, size='sm', elem_id=f'example-{name}', min_width=80,
                    visible=name != DEMO_SET or has_demo_set(sources.root),
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

    def _build_more(self, first: Session, sources: EdgeSources) -> None:
        with gr.Accordion('Where the edges come from', open=False, elem_id='edges-accordion'):
            self.source = gr.Radio(
                sources.names, value=sources.names[0], show_label=False, elem_id='source',
            )  # fmt: skip
            self.notice = gr.Markdown(sources.notice, elem_id='notice')
            self.edge_file = gr.File(
                label='Edge map: white edges on black', type='filepath', height=120,
                visible=False, elem_id='edge-file',
            )  # fmt: skip
            self.find = gr.Button('Show edges', size='sm', elem_id='find')
        with gr.Accordion('More settings', open=False, elem_id='more'):
            self.engine = gr.Radio(
                [JOINTLY, STEPWISE], value=JOINTLY, label='How', elem_id='engine',
                info='The settings below are those of the steps.',
            )  # fmt: skip
            self.direction = gr.Dropdown(
                list(DIRECTIONS), value=next(iter(DIRECTIONS)), label='Which way (balloon force c)',
                elem_id='direction', info='Whether shapes are drawn too small or too big.',
            )  # fmt: skip
            self.stop_evidence = gr.Dropdown(
                [SEVERAL, *map(str, STOP_EVIDENCES)], value=SEVERAL,
                label='Stop at edges of this strength (p*)',
                info='Low: stops at any edge. High: walks over faint ones.',
            )  # fmt: skip
            self.smoothing = gr.Slider(
                0, 4, value=Settings.smoothing, step=1, label='Smoothness (curvature κ)',
                info='How often each step rounds the outline off.',
            )  # fmt: skip
            self.min_gain = gr.Slider(
                0, 1, value=Settings.min_gain, step=0.05, label='Caution (least gain)',
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
            brush=brush(first, first.classes[0]), eraser=gr.Eraser(default_size=24),
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
            headers=HEADERS,
            interactive=False,
            elem_id='table',
            label='Objects',
            max_height=260,
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


def brush(session: Session, name: str) -> gr.Brush:
    """The brush of a class, in its color and of a width that fits the image."""
    red, green, blue = class_colors(len(session.classes))[session.classes.index(name)].tolist()
    color = f'#{red:02x}{green:02x}{blue:02x}'
    size = 12
    if session.picture is not None:  # in pixels of the image
        size = max(2, round(max(display_shape(session.picture.pixels.shape)) / 60))
    return gr.Brush(default_size=size, colors=[color], default_color=color, color_mode='fixed')


def page_look() -> dict[str, Any]:
    """Fonts of the system: the page loads nothing from other servers."""
    font = ['system-ui', 'sans-serif']
    mono = ['ui-monospace', 'monospace']
    return {'theme': gr.themes.Default(font=font, font_mono=mono), 'css': _CSS}
