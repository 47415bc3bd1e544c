"""How boundaries are compared, and the metric of the validation loop."""

import lazy_loader

from mmsteal.evaluation.label_error import MeanLabelError, label_error
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.evaluation.published_protocols import PROTOCOLS, boundary_protocol

# Protocols and counts do without the mm stack, which the metric is a part of.
__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={'edge_metric': ['EdgeMetric']})

__all__ = [
    'PROTOCOLS',
    'BoundaryProtocol',
    'EdgeMetric',
    'MeanLabelError',
    'boundary_protocol',
    'label_error',
]


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
