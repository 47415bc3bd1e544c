"""The page in the browser: what is on it wired to what it does, and served."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError

from mmsteal.annotator.edge_model import EdgeModel
from mmsteal.annotator.edge_sources import EdgeSources
from mmsteal.annotator.examples import DEMO_SET
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.page_actions import PageActions
from mmsteal.annotator.page_layout import PageLayout, page_look
from mmsteal.annotator.pictures import MAX_BYTES
from mmsteal.annotator.session import Session

logger = logging.getLogger(__name__)


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    """Answer a request for a function or a component that the page does not have.

    Gradio looks them up by number; its own answer would be a bare 500, with a traceback in the log.
    """
    logger.warning('%s asks for what is not on the page (%r)', request.url.path, error)
    return JSONResponse({'detail': 'There is no such function on the page; reload it.'}, 404)


class AnnotatorPage:
    """Builds the page and serves it.

    Args:
        work_dir (str | Path): Folder of uploads, archives and all else that the page writes.
        model (EdgeModel | None): The network for edges. The one of `mmsteal demo` is offered beside
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
        self.sources = EdgeSources(model, root, device)
        uploads = self.work_dir / 'uploads'
        uploads.mkdir(parents=True, exist_ok=True)
        # Gradio keeps what is uploaded, and what it serves, here; Python its scratch files.
        os.environ['GRADIO_TEMP_DIR'] = str(uploads)
        tempfile.tempdir = str(uploads)
        first = Session(classes=model.classes if model else ('object',))
        with gr.Blocks(
            title='mmsteal annotator',
            analytics_enabled=False,
            delete_cache=(3600, 24 * 3600),
        ) as self.blocks:
            self.layout = PageLayout(first, self.sources)
            self.actions = PageActions(self.layout, self.sources, uploads)
            self._connect()

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
            app_kwargs={'exception_handlers': {KeyError: _unknown, FnIndexInferError: _unknown}},
            **page_look(),
        )

    def _connect(self) -> None:
        page, do = self.layout, self.actions
        drawing = [page.editor, page.class_name, page.fill]
        edges = [page.source, page.edge_file]
        settings = [
            page.error_px,
            page.direction,
            page.stop_evidence,
            page.smoothing,
            page.min_gain,
            page.engine,
        ]
        # What an action may change: the browser draws anew what an event names.
        shown = [page.compare, page.step]
        found = [*shown, page.table, page.edge_image, page.tabs]
        masks = [page.editor, page.class_name, page.class_text, page.archive, *found]
        opened = [*masks, page.source, page.edge_file]
        self._on(page.image_file.upload, do.open, [page.image_file], opened)
        for name, button in page.examples.items():
            self._on(button.click, partial(do.example, name), [], opened)
        self._on(page.label_file.upload, do.load_labels, [page.label_file], masks)
        self._on(page.set_classes.click, do.set_classes, [page.class_text], masks)
        self._on(page.edge_file.upload, do.load_edges, [page.edge_file], found)
        self._on(page.add.click, do.add, drawing, masks)
        self._on(page.erase.click, do.erase, [page.editor, page.fill], masks)
        self._on(page.undo.click, do.undo, [], masks)
        self._on(page.clear.click, do.clear, [], masks)
        self._on(page.find.click, do.find, edges, found)
        self._on(page.refine.click, do.refine, [*edges, *settings], found)
        self._on(page.keep.click, do.keep, [], masks)
        self._on(page.step.input, do.step, [page.step], shown, trigger_mode='always_last',
                 show_progress='hidden')  # fmt: skip
        self._on(page.best.click, do.best, [], shown)
        self._on(page.export.click, do.export, [page.format], [page.archive])
        self._on(page.source.change, do.pick_source, [page.source], [page.edge_file])
        self._on(page.class_name.change, do.pick_class, [page.class_name], [page.editor])
        demo = [page.source, page.notice, page.examples[DEMO_SET]]
        self._on(self.blocks.load, do.look_for_demo, [page.source], demo, show_progress='hidden')

    def _on(
        self, event: Callable, action: Callable, inputs: list, outputs: list, **options: Any
    ) -> None:
        """Call `action(session, *inputs)`, a generator of updates, and show what goes wrong."""
        page = self.layout
        # What was refused does not stay in its box.
        uploads = [box for box in inputs if box in (page.image_file, page.label_file)]

        def guarded(session: Session, *values: Any, progress: Any = gr.Progress()) -> Iterator:  # noqa: B008
            try:
                for update in action(session, *values):
                    yield {page.status: update} if isinstance(update, str) else update
            except AnnotatorError as error:
                gr.Warning(str(error))
                yield {page.status: f'⚠️ {error}', **dict.fromkeys(uploads)}
            except MemoryError:
                yield {page.status: '⚠️ The memory is full; try a smaller image.'}
            except Exception as error:
                logger.exception('the page could not do that')
                message = f'That did not work ({type(error).__name__}: {error}). Nothing changed.'
                gr.Warning(message)
                yield {page.status: f'⚠️ {message}'}

        guarded.__name__ = getattr(action, 'func', action).__name__
        # One at a time: a tab must not overtake itself.
        event(
            guarded,
            [page.session, *inputs],
            [page.session, page.status, *outputs, *uploads],
            concurrency_limit=1,
            concurrency_id='annotator',
            **{'show_progress': 'minimal', 'show_progress_on': page.status, **options},
        )
