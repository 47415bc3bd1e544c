"""Any decode head of mmseg as an edge head."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg.registry import MODELS
from torch import Tensor

from mmsteal.models.decode_heads.backbone_levels import check_levels
from mmsteal.models.decode_heads.edge_head import EdgeHead


@MODELS.register_module()
class EdgeHeadWrapper(EdgeHead):
    """Train a head of mmseg on edges: its K output maps become K boundary maps.

    Args:
        head (dict): Config of the head, such as `dict(type='SegformerHead', ...)`. It has to
            return one map per class. Its own losses are not used.
        num_classes (int): Number of classes K.
        **kwargs: `loss_decode`, `ignore_index`; see :class:`EdgeHead`.

    Outputs:
        `'fused'`: (N, K, h, w), the head's logits.

    Raises:
        TypeError: If the head returns something else than one tensor.

    Example:
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmseg')
        >>> head = EdgeHeadWrapper(
        ...     dict(type='FCNHead', in_channels=8, channels=4, in_index=0), num_classes=3)
        >>> import torch
        >>> tuple(head([torch.zeros(1, 8, 5, 5)])['fused'].shape)
        (1, 3, 5, 5)
    """

    def __init__(self, head: dict, *, num_classes: int, **kwargs) -> None:
        inner = MODELS.build(
            dict(head, num_classes=num_classes, out_channels=num_classes, threshold=0.5)
        )
        # The inner head selects its inputs; what the parent would select is never read.
        super().__init__(
            1, in_index=0, num_classes=num_classes, align_corners=inner.align_corners, **kwargs
        )
        self.head = inner

    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute the head's logits.

        Args:
            inputs (Sequence[Tensor]): The backbone's outputs.

        Returns:
            dict[str, Tensor]: `'fused'`, (N, K, h, w).
        """
        check_levels(self.head, inputs)
        logits = self.head(inputs)
        if not isinstance(logits, Tensor):
            raise TypeError(
                f'Expected {type(self.head).__name__} to return one map per class, but it returns '
                f'a {type(logits).__name__}; wrap a head with a single output, such as FCNHead.'
            )
        return {'fused': logits}
