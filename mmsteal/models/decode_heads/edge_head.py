"""What every edge head shares: labels, losses and prediction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmsteal.functional.edge_maps.edges import union_edges
from mmsteal.models.decode_heads.backbone_levels import check_levels
from mmsteal.models.losses.edge_loss import SharedGeometry


class EdgeHead(BaseDecodeHead):
    """Base of the heads that predict one boundary map per class.

    Shape shorthand: N images, K classes, (H, W) the size of the network's input, (h, w) the size
    at which the head works.

    A subclass implements :meth:`forward`, which returns logits by name: `'fused'` (N, K, h, w) is
    the prediction; others, such as `'side5'`, are supervised beside it. Losses of `loss_decode`
    apply to the prediction, those of `loss_side` to every other output. An output of one map,
    where K is more than one, is class-agnostic: it learns the edges of all classes together.

    Args:
        in_channels (int | Sequence[int]): Channels of the backbone's levels.
        num_classes (int): K; 1 is a class-agnostic edge detector.
        loss_decode (dict | Sequence[dict]): Losses of the prediction. Each takes
            (logits (N, K, H, W), target (N, K, H, W)).
        loss_side (dict | Sequence[dict] | None): Losses of the other outputs.
        ignore_index (int): Target value that pays nothing.
        **kwargs: Passed to :class:`mmseg.models.decode_heads.decode_head.BaseDecodeHead`.

    Attributes:
        aligner (Callable | None): Called in training as `aligner(logits, batch_data_samples,
            target)` with the prediction at the size of the target; returns the target to learn.
            :class:`LevelSetAlignHook` sets it.
    """

    aligner: Callable[[Tensor, Sequence, Tensor], Tensor] | None = None

    def __init__(
        self,
        in_channels,
        *,
        num_classes: int,
        loss_decode=dict(type='BalancedBCELoss'),  # noqa: B006  (mmseg's form; never changed)
        loss_side=None,
        ignore_index: int = 255,
        **kwargs,
    ) -> None:
        kwargs.setdefault('init_cfg', None)
        kwargs.setdefault('dropout_ratio', 0.0)
        kwargs.setdefault('threshold', 0.5)
        kwargs.setdefault('channels', num_classes)
        if num_classes == 2:
            # Two classes are two edge maps here; the parent would suggest a binary segmentation.
            kwargs.setdefault('out_channels', 2)
        super().__init__(
            in_channels,
            num_classes=num_classes,
            loss_decode=[_as_dict(loss) for loss in _as_list(loss_decode)],
            ignore_index=ignore_index,
            **kwargs,
        )
        # The parent's classifier is not used; DDP would report its parameters as unused.
        del self.conv_seg
        self.loss_side = nn.ModuleList(MODELS.build(_as_dict(c)) for c in _as_list(loss_side))

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Compute logits by name; `'fused'` is the prediction."""

    def _transform_inputs(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        """Select the backbone's levels that the head reads, if they fit it."""
        check_levels(self, inputs)
        return super()._transform_inputs(inputs)

    def _stack_batch_gt(self, batch_data_samples) -> Tensor:
        """Stack the edge labels of a batch: (N, K, H, W) uint8 in {0, 1, ignore_index}."""
        for sample in batch_data_samples:
            if 'gt_edge_map' not in sample:
                raise KeyError(
                    f'Expected every sample to hold `gt_edge_map`, but {_name(sample)} has only '
                    f'{sorted(sample.keys())}; add dict(type="GenerateEdges", ...) and '
                    'dict(type="PackEdgeInputs") to the end of the training pipeline.'
                )
            labels = sample.get('gt_sem_seg')
            if labels is not None and labels.shape != sample.gt_edge_map.shape:
                raise ValueError(
                    f'Expected the edges of {_name(sample)} to have the size of its label map, '
                    f'{labels.shape}, but got {sample.gt_edge_map.shape}; put GenerateEdges after '
                    'all geometric transforms of the pipeline.'
                )
        target = torch.stack([sample.gt_edge_map.data for sample in batch_data_samples])
        if target.shape[1] != self.num_classes:
            raise ValueError(
                f'Expected edge labels of {self.num_classes} classes (`num_classes` of '
                f'{type(self).__name__}), but {_name(batch_data_samples[0])} has '
                f"{target.shape[1]}; set the head's `num_classes` to the number of classes of "
                'the dataset'
                + (
                    ', or unite them: dict(type="GenerateEdges", class_agnostic=True).'
                    if self.num_classes == 1
                    else '.'
                )
            )
        return target

    def loss_by_feat(self, seg_logits: dict[str, Tensor], batch_data_samples) -> dict:
        """Compute all losses.

        Args:
            seg_logits (dict[str, Tensor]): What :meth:`forward` returned.
            batch_data_samples (list[SegDataSample]): Samples with `gt_edge_map`.

        Returns:
            dict[str, Tensor]: `loss_<name>` of the prediction, `<output>.loss_<name>` of the
            others, and the mean probability on and off the labelled edges as monitors.
        """
        target = self._stack_batch_gt(batch_data_samples)
        logits = {
            name: resize(x, size=target.shape[2:], mode='bilinear',
                         align_corners=self.align_corners)
            for name, x in seg_logits.items()
        }  # fmt: skip
        if self.aligner is not None:
            target = self.aligner(logits['fused'].detach(), batch_data_samples, target)
        # Normals of the labels cost more than the losses: once a step, not once a loss.
        shared = {self.num_classes: SharedGeometry(target, self.ignore_index)}
        losses: dict[str, Tensor] = {}
        for name, x in logits.items():
            fused, num_maps = name == 'fused', x.shape[1]
            if num_maps not in shared:
                united = union_edges(target, ignore_index=self.ignore_index)
                shared[num_maps] = SharedGeometry(united, self.ignore_index)
            geometry = shared[num_maps]
            for loss in self.loss_decode if fused else self.loss_side:
                key = loss.loss_name if fused else f'{name}.{loss.loss_name}'
                value = loss(
                    x,
                    geometry.target,
                    ignore_index=self.ignore_index,
                    **geometry.options_for(loss),
                )
                losses[key] = losses[key] + value if key in losses else value
        losses.update(_monitors(logits['fused'], target))
        return losses

    def predict_by_feat(self, seg_logits: dict[str, Tensor], batch_img_metas) -> Tensor:
        """Resize the predicted logits to the network's input: (N, K, H, W)."""
        return super().predict_by_feat(seg_logits['fused'], batch_img_metas)


@torch.no_grad()
def _monitors(logits: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Mean probability on and off the labelled edges: the two must part while training."""
    prob = logits.detach().float().sigmoid()
    on, off = target == 1, target == 0
    return {
        'prob_on_edge': (prob * on).sum() / on.sum().clamp(min=1),
        'prob_off_edge': (prob * off).sum() / off.sum().clamp(min=1),
    }


def _as_list(configs) -> list:
    if configs is None:
        return []
    return list(configs) if isinstance(configs, list | tuple) else [configs]


def _as_dict(config) -> dict:
    if not isinstance(config, dict):
        raise TypeError(
            f'Expected a loss config to be a dict such as dict(type="BalancedBCELoss"), but got '
            f'{config!r}.'
        )
    return config


def _name(sample) -> str:
    return str(sample.metainfo.get('img_path', 'a sample'))
