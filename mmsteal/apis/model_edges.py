"""Edge maps from a model, as :mod:`mmsteal.refinement` wants them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmsteal.apis.edge_inferencer import EdgeInferencer, read_image
from mmsteal.apis.run_config import read_config
from mmsteal.edge_files import probability_levels
from mmsteal.jobs import file_hash, fingerprint
from mmsteal.weights import find_model


class ModelEdges:
    """Predict edge maps in the 256 levels of files: a folder of them gives the same labels.

    Args:
        config: `'edges'`, the model in the package; or a config, by path or by name.
        checkpoint: Path of the trained weights, where they are not in the package.
        device: See :class:`mmsteal.apis.EdgeInferencer`.
        cfg_options: Values to set in the config, by dotted key.

    Attributes:
        names (tuple[str, ...]): Names of the classes.
        hashes (dict[str, str]): What tells the model from others.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str | None = None,
        device: str | None = None,
        *,
        cfg_options: dict | None = None,
    ) -> None:
        config, checkpoint = find_model(config, checkpoint)
        cfg = read_config(config, cfg_options)
        self._inferencer = EdgeInferencer(cfg, checkpoint, device)
        self.names = tuple(self._inferencer.classes)
        parts = {key: cfg.get(key) for key in ('model', 'test_dataloader')}
        self.hashes = {'config': fingerprint(json.loads(json.dumps(parts, default=str)))}
        if checkpoint is not None and '://' not in str(checkpoint):
            self.hashes['checkpoint'] = file_hash(checkpoint)
        elif checkpoint is not None:
            self.hashes['checkpoint'] = str(checkpoint)

    def __call__(self, path: Path) -> np.ndarray:
        """Edge maps (K, H, W) of an image, uint8, 255 = 1."""
        _, image = read_image(path, 0)
        return probability_levels(self._inferencer.predict(image))
