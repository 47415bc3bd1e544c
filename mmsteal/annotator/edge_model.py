"""The network behind the page: the one of the demo, or any other with its config."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mmsteal
from mmsteal.weights import EDGES

# The one of the package: a folder in which the demo ran need not be a checkout.
DEMO_CONFIG = Path(mmsteal.__file__).parent / '.mim' / 'configs' / 'steal_demo.py'
PACKAGED_TITLES = {EDGES: 'Any object (network in the package)'}
DEMO_RUN = Path('work_dirs') / 'demo' / 'train'


class EdgeModel:
    """A trained edge network.

    Args:
        config (str | Path): Config of the model, or `'edges'`, the one in the package.
        checkpoint (str | Path | None): Trained weights; None keeps random ones, for tests, or those
            of the model in the package.
        device (str | None): `'cpu'`, `'cuda:0'`, ...; None takes a GPU where there is one.
        title (str | None): Name for the page; None takes the one of the config.

    Attributes:
        classes (tuple[str, ...]): Names of the K classes.
        title (str): Name for the page.

    Raises:
        FileNotFoundError: If a file is missing; named.
        ValueError: If the checkpoint is one of another model.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path | None,
        device: str | None = None,
        *,
        title: str | None = None,
    ) -> None:
        from mmsteal.apis import EdgeInferencer  # loads the whole stack

        self._inferencer = EdgeInferencer(
            str(config), None if checkpoint is None else str(checkpoint), device
        )
        self.classes = tuple(self._inferencer.classes)
        self.title = title or PACKAGED_TITLES.get(str(config)) or f'model {Path(config).stem}'
        self._lock = threading.Lock()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Edge probabilities (K, H, W) of an RGB image (H, W, 3) uint8."""
        with self._lock:
            (prediction,) = self._inferencer(np.ascontiguousarray(pixels[..., ::-1]))
        return prediction.edges


def find_demo_model(root: str | Path = '.') -> tuple[Path, Path] | None:
    """Config and last checkpoint of the demo's run; None if `mmsteal demo` has not finished.

    Args:
        root (str | Path): Folder in which it ran: that of the repository for `make demo`.

    Returns:
        tuple[Path, Path] | None: The config and the checkpoint.
    """
    run = Path(root) / DEMO_RUN
    # Written last: a checkpoint before it may be one of a network that has hardly learnt.
    if not (run.parent / 'report.html').is_file():
        return None
    checkpoints = sorted(run.rglob('*.pth'), key=lambda path: path.stat().st_mtime)
    if not checkpoints:
        return None
    last = run / 'last_checkpoint'
    if last.is_file():
        named = run / Path(last.read_text().strip()).name
        if named.is_file():
            return DEMO_CONFIG, named
    return DEMO_CONFIG, checkpoints[-1]
