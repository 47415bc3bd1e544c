"""Where the edges of an image can come from: the choices of the page."""

from __future__ import annotations

from pathlib import Path

from mmsteal.annotator.edge_maps import (
    edges_from_detector,
    edges_from_file,
    edges_from_gradient,
)
from mmsteal.annotator.edge_model import EdgeModel, find_demo_model
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.session import Session

GRADIENT = 'Colors of the image (no network)'
UPLOAD = 'An edge map of your own (PNG)'
DEMO_MODEL = 'Demo model'


class EdgeSources:
    """The sources of edges by name: networks, the colors, a file.

    Args:
        model (EdgeModel | None): A network of the user's. The one of `mmsteal demo` is offered
            beside it, from when it is trained.
        root (str | Path): Folder in which the demo ran.
        device (str | None): Where the demo model runs.
    """

    def __init__(
        self,
        model: EdgeModel | None = None,
        root: str | Path = '.',
        device: str | None = None,
    ) -> None:
        self.models = {model.title: model} if model else {}
        self.root = Path(root)
        self.device = device

    @property
    def names(self) -> list[str]:
        """What there is to choose from, the one for photographs first."""
        demo = [DEMO_MODEL] if find_demo_model(self.root) else []
        return [*(name for name in self.models if name != DEMO_MODEL), GRADIENT, *demo, UPLOAD]

    @property
    def notice(self) -> str:
        """What to know about them."""
        notes = [
            f'**{name}** knows: {", ".join(model.classes)}.'
            if len(model.classes) > 1
            else f'**{name}** has one edge map for all classes.'
            for name, model in self.models.items()
        ]
        notes.append(
            'With the colors any texture counts as an edge: best for objects on calm ground.'
        )
        if DEMO_MODEL in self.names:
            notes.append('The demo model knows the textures of its generated set, no photographs.')
        else:
            notes.append('A model of yours: start with `--config` and `--checkpoint`.')
        return ' '.join(notes)

    def waiting_text(self, source: str) -> str:
        """What to say while the edges are looked for."""
        if source == DEMO_MODEL and source not in self.models:
            return 'Loading the demo model (some seconds, once) …'
        return f'Looking for edges ({source}) …'

    def title(self, source: str, path: str | None) -> str:
        """What edges are called that come from there."""
        if source == GRADIENT:
            return 'color gradient'
        if source == UPLOAD:
            return f'edge map {Path(path).name}' if path else ''
        return source

    def find(self, session: Session, source: str, path: str | None) -> Session:
        """A session with the edges of its image; the same one if it has them already.

        Args:
            session (Session): An image.
            source (str): One of `names`.
            path (str | None): The edge map, for `UPLOAD`.

        Raises:
            AnnotatorError: If there is no edge map, or the demo model is gone.
        """
        pixels = session.image.pixels
        if session.edges is not None and session.edges.source == self.title(source, path):
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

    def _model(self, title: str) -> EdgeModel:
        if title not in self.models:
            found = find_demo_model(self.root)
            if found is None:
                raise AnnotatorError('The demo model is gone; `mmsteal demo` trains it again.')
            self.models[title] = EdgeModel(*found, self.device, title=title)
        return self.models[title]
