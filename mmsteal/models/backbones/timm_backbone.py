"""Any network of timm as a backbone."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """The levels of a network of timm, with weights from `init_cfg` alone.

    mmseg's own `TIMMBackbone` fetches weights while it is built, at inference too, and loads a
    plain timm file that `init_cfg` names by names that it does not have. Here nothing is fetched,
    and a file of timm loads as it is; layers of the classifier in it are left out.

    For EfficientNet-Lite see :class:`EfficientNetLite`, which does without timm.

    Args:
        model (str): Name of the network in timm, such as `'mobilenetv3_small_100'`.
        out_indices (Sequence[int] | None): The levels to return; None: all.
        output_stride (int): Stride of the coarsest level, where the network can be dilated: 8, 16
            or 32.
        norm_eval (bool): Keep the statistics of batch normalisation in training.
        init_cfg (dict | None): `dict(type='Pretrained', checkpoint=...)` loads weights.
        **kwargs: Passed to `timm.create_model`.

    Attributes:
        out_channels (list[int]): Channels of the levels.
        strides (list[int]): Their strides.

    Raises:
        ImportError: If timm cannot be imported.
        ValueError: If timm does not know the network.

    Example:
        >>> backbone = TimmBackbone('resnet18', out_indices=(1, 2, 3, 4))  # doctest: +SKIP
        >>> backbone.out_channels  # doctest: +SKIP
        [64, 128, 256, 512]
    """

    def __init__(
        self,
        model: str,
        *,
        out_indices: Sequence[int] | None = None,
        output_stride: int = 32,
        norm_eval: bool = False,
        init_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(init_cfg)
        timm = _import_timm()
        if out_indices is not None:
            kwargs['out_indices'] = tuple(out_indices)
        if output_stride != 32:
            kwargs['output_stride'] = output_stride
        try:
            self.net = timm.create_model(model, features_only=True, pretrained=False, **kwargs)
        except RuntimeError as error:
            raise ValueError(
                f'Expected argument `model` to be a network of timm with these options, but got '
                f'{model!r}: {error}. `timm.list_models()` lists the names.'
            ) from error
        self.out_channels = list(self.net.feature_info.channels())
        self.strides = list(self.net.feature_info.reduction())
        self.norm_eval = norm_eval

    def init_weights(self) -> None:
        """Load the weights that `init_cfg` names into the network itself, by timm's names."""
        if (self.init_cfg or {}).get('type') != 'Pretrained':
            super().init_weights()
            return
        found = CheckpointLoader.load_checkpoint(self.init_cfg['checkpoint'], map_location='cpu')
        found = found.get('state_dict', found)
        own = self.net.state_dict()
        # What has no place, or another shape, is found missing by the segmentor.
        fitting = {n: x for n, x in found.items() if n in own and x.shape == own[n].shape}
        # Through this module: the check of the segmentor listens to it.
        self.load_state_dict({f'net.{n}': x for n, x in fitting.items()}, strict=False)
        self.is_init = True

    def train(self, mode: bool = True) -> TimmBackbone:
        """Set the mode; with `norm_eval` the normalisation stays as at inference."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the levels of images (N, 3, H, W), finest first."""
        return tuple(self.net(x))


def _import_timm():
    try:
        import timm
    except Exception as error:  # a torchvision that does not fit torch raises RuntimeError
        raise ImportError(
            f'TimmBackbone needs timm, which cannot be imported: {error}. Install it with: pip '
            'install "mmsteal[timm]"; timm needs the torchvision of the installed torch. '
            'EfficientNetLite needs neither.'
        ) from error
    return timm
