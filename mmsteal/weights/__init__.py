"""Models that come with the package: weights, and the configs that they belong to.

docs/model_card.md says what they learnt from, how good they are and what they cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PackagedModel:
    """A model that comes with the package.

    Attributes:
        config (str): Name of its config.
        weights (Path): File of its weights, in half precision.
    """

    config: str
    weights: Path


# The outline of any object or region of a photograph, one map.
EDGES = 'edges'
PACKAGED_MODELS = {
    EDGES: PackagedModel(
        'mmsteal::steal_lite0_coco.py', Path(__file__).with_name('edges_lite0.pth')
    ),
}


def find_model(config: str, checkpoint: str | None = None) -> tuple[str, str | None]:
    """Config and weights of a model that is given by name or by its files.

    Args:
        config (str): Name of a model of the package, or a config.
        checkpoint (str | None): Weights; None takes those of the package for a model of it.

    Returns:
        tuple[str, str | None]: Config, and path of the weights.

    Example:
        >>> find_model('edges')[0], find_model('config.py', 'checkpoint.pth')
        ('mmsteal::steal_lite0_coco.py', ('config.py', 'checkpoint.pth'))
    """
    model = PACKAGED_MODELS.get(str(config))
    if model is None:
        return config, checkpoint
    return model.config, str(model.weights) if checkpoint is None else checkpoint
