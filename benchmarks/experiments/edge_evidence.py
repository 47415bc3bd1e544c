"""Where the edges of an experiment come from: a model, a folder of edge maps, the gradient."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command_line import require_inputs
from numpy.typing import NDArray

from mmsteal.edge_files import EdgeFolder
from mmsteal.edge_files.class_names import plain_name
from mmsteal.functional import gradient_edges
from mmsteal.functional.labels.resize import resize_edge_prob
from mmsteal.jobs import file_hash, fingerprint

GRADIENT = 'gradient'
EMBEDDED = 'edges'
HELP = (
    f'`{GRADIENT}` of the colors, `{EMBEDDED}` for the model of the package, a folder of edge '
    'maps, or CONFIG,CHECKPOINT; the product of two is A*B'
)


@dataclass(frozen=True)
class Evidence:
    """A source of edge maps.

    Attributes:
        name: For tables.
        key: Tells it from others, as the name of a folder.
        maps: Names of the K edge maps.
        find: Name of an image and its pixels, RGB (H, W, 3) -> edge maps (K, h, w), float in [0, 1]
            or uint8 with 255 = 1.
    """

    name: str
    key: str
    maps: tuple[str, ...]
    find: Callable[[str, NDArray[np.uint8]], NDArray]

    def __call__(
        self, name: str, photo: NDArray[np.uint8], scale: float | None = None
    ) -> NDArray[np.float32]:
        """Edge maps (K, h, w) of an image, at `scale` times its size; None: at that of the maps."""
        return resize_edge_prob(self.find(name, photo), photo.shape[:2], scale)

    def index_of(self, classes: Sequence[str]) -> list[int]:
        """Index of the edge map of each class; a single map serves all.

        Raises:
            SystemExit: If a class has none.
        """
        if len(self.maps) == 1:
            return [0] * len(classes)
        by_name = {plain_name(name): k for k, name in enumerate(self.maps)}
        if all(plain_name(name) in by_name for name in classes):
            return [by_name[plain_name(name)] for name in classes]
        if len(self.maps) == len(classes):  # numbered, or called otherwise
            return list(range(len(classes)))
        raise SystemExit(
            f'error: expected one edge map for all classes from {self.name}, or one for each of '
            f'{", ".join(classes)}, but got {len(self.maps)}: {", ".join(self.maps)}.'
        )


def require_evidence(words: Sequence[str]) -> None:
    """Stop where a folder or checkpoint is missing.

    Raises:
        SystemExit: With all that are missing.
    """
    parts = itertools.chain.from_iterable(word.split('*') for word in words)
    named = (part.split(',') for part in parts if part not in (GRADIENT, EMBEDDED))
    require_inputs(*itertools.chain.from_iterable(named))


def open_evidence(word: str, config: str | None = None) -> Evidence:
    """Open a source of edges by its word on the command line.

    Args:
        word: See :data:`HELP`. Checkpoints of one config are seeds of a training, and have one
            name.
        config: Of a checkpoint that comes without one.

    Raises:
        SystemExit: If it does not exist, or a checkpoint has no config.
    """
    if '*' in word:
        return _product([open_evidence(part, config) for part in word.split('*')])
    if word == GRADIENT:
        return Evidence(word, word, (word,), lambda _, photo: gradient_edges(photo)[None])
    if word == EMBEDDED:
        return _of_model(word, None)
    require_evidence([word])
    path = Path(word)
    if not path.is_dir():
        *given, checkpoint = word.split(',')
        config = given[0] if given else config
        if config is None:
            raise SystemExit(f'error: expected CONFIG,{word} for a checkpoint, but got no config.')
        return _of_model(config, checkpoint)
    try:
        folder = EdgeFolder(path)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(f'error: {error}') from error
    files = sorted(file for file in path.rglob('*') if file.is_file())
    content = fingerprint([[str(f.relative_to(path)), file_hash(f)] for f in files])
    key = f'maps_{content[:12]}'
    return Evidence(str(path), key, folder.names, lambda name, _: folder.read(name))


def _product(sources: list[Evidence]) -> Evidence:
    """What all sources agree on, as the model that knows objects and the sharp gradient."""
    named = max(sources, key=lambda source: len(source.maps))

    def find(name: str, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        return math.prod(source(name, photo, 1.0) for source in sources)

    name, key = ('*'.join(getattr(s, part) for s in sources) for part in ('name', 'key'))
    return Evidence(name, key.replace('*', '_times_'), named.maps, find)


def _of_model(config: str, checkpoint: str | None) -> Evidence:
    from mmsteal.apis import EdgeInferencer  # loads the whole stack

    inferencer = EdgeInferencer(config, checkpoint)
    if checkpoint is None:
        name, weights = config, _weights_hash(inferencer.model)
    else:
        name, weights = Path(config).stem, file_hash(checkpoint)

    def predict(_: str, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        return inferencer.predict(np.ascontiguousarray(photo[..., ::-1]))

    return Evidence(name, f'model_{weights[:12]}', tuple(inferencer.classes), predict)


def _weights_hash(model) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()
