"""Weights of the released STEAL models, in the layout of this package."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from torch import Tensor, nn

from mmsteal.files import write_file
from mmsteal.models.backbones.casenet_resnet import CASENetResNet
from mmsteal.models.checkpoint_fit import check_checkpoint_fits
from mmsteal.version import __version__

# Layer in nv-tlabs/STEAL -> layer of CASENetHead.
_HEAD = {
    'score_edge_side1.conv': 'sides.0',
    'score_edge_side2.conv': 'sides.1',
    'score_edge_side3.conv': 'sides.2',
    'score_cls_side5.conv': 'side5',
    'score_edge_side2.upsampled': 'upsamplers.1',
    'score_edge_side3.upsampled': 'upsamplers.2',
    'score_cls_side5.upsampled': 'upsamplers.3',
    'ce_fusion': 'fuse',
}
# The same layers as other PyTorch versions of CASENet name them.
_ALIASES = {
    'score_edge_side1': 'sides.0',
    'score_edge_side2': 'sides.1',
    'score_edge_side3': 'sides.2',
    'score_cls_side5': 'side5',
    'upsample_edge_side2': 'upsamplers.1',
    'upsample_edge_side3': 'upsamplers.2',
    'upsample_cls_side5': 'upsamplers.3',
}
_RELEASED = {new: old for old, new in _HEAD.items()}
_BACKBONE = ('conv1.', 'bn1.', 'layer1.', 'layer2.', 'layer3.', 'layer4.')
_WRAPPERS = ('state_dict', 'model', 'model_state_dict', 'net')
_BGR_MEAN = (104.008, 116.669, 122.675)


def convert_released_state_dict(
    state_dict: Mapping[str, Tensor], model: nn.Module
) -> dict[str, Tensor]:
    """Rename the weights of a released STEAL model, and check that they fit.

    Args:
        state_dict (Mapping[str, Tensor]): Weights in the layout of nv-tlabs/STEAL: `conv1`, `bn1`,
            `layer1`-`layer4`, `score_edge_side1`-`3`, `score_cls_side5`, `ce_fusion`. Names may
            begin with `module.` (DataParallel); the weights may lie in a dict under `'state_dict'`
            or `'model'`.
        model (nn.Module): The network that is to take them: that of
            `configs/released_steal_sbd.py`, `configs/released_steal_cityscapes.py` or a config
            made from these.

    Returns:
        dict[str, Tensor]: The same tensors by the names of `model`, complete.

    Raises:
        ValueError: If these are no such weights, if they are of another number of classes or
            another architecture, if one is missing, unexpected, of another shape or not finite,
            or if `model` does not compute what the released network does. The message names the
            config line to change.
    """
    weights = _rename(_unwrap(state_dict))
    check_checkpoint_fits(model, weights, describe=_released_name)
    broken = [n for n, x in weights.items() if not x.isfinite().all()]
    if broken:
        raise ValueError(
            f'Expected finite weights, but {_released_name(broken[0])} and {len(broken) - 1} '
            'more hold NaN or infinity; the file is damaged, take it anew.'
        )
    _check_network(model)
    # PyTorch before 0.4.1 kept no counters of batches.
    own = model.state_dict()
    return {name: weights.get(name, own[name]).detach().clone() for name in own}


def convert_released_checkpoint(source: str | Path, out: str | Path, config: str | Config) -> None:
    """Convert a file of released weights into a checkpoint for a config.

    Args:
        source (str | Path): The released file, such as `model_checkpoint.pt`.
        out (str | Path): The checkpoint to write; whole or not at all. It carries the names and
            colors of the classes of the config's test set.
        config (str | Config): The config, or its path.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no checkpoint, or not one of the config's model.

    Example:
        >>> convert_released_checkpoint('model_checkpoint.pt', 'steal_sbd.pth',
        ...     'configs/released_steal_sbd.py')  # doctest: +SKIP
    """
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    weights = read_released_checkpoint(source)
    model = MODELS.build(cfg.model)
    checkpoint = dict(
        state_dict=convert_released_state_dict(weights, model),
        meta=dict(mmsteal_version=__version__, dataset_meta=_dataset_meta(cfg, model.num_classes)),
    )
    content = io.BytesIO()  # what fails at a file of torch tells no reason
    torch.save(checkpoint, content)
    write_file(out, content.getvalue())


def read_released_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the weights of a file; nothing but tensors is taken from it, and no code is run.

    Args:
        path (str | Path): The file, as `torch.save` wrote it.

    Returns:
        dict[str, Tensor]: Weights by name, without wrapping dicts and `module.`.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is no checkpoint.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'Expected a checkpoint at {os.path.abspath(path)}, but there is none.'
        )
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file can raise anything
        reason = str(error).strip().split('\n')[0]
        raise ValueError(
            f'Expected {path} to be a file of weights that torch.save wrote, but it cannot be '
            f'read as one ({reason}). Unpack an archive first. A file that holds more than '
            'tensors is refused: if you trust it, load it with torch.load(..., '
            'weights_only=False) and save its state_dict().'
        ) from error
    return _unwrap(content)


def released_num_classes(state_dict: Mapping[str, Tensor]) -> int:
    """Number of classes of released weights.

    Args:
        state_dict (Mapping[str, Tensor]): As for :func:`convert_released_state_dict`.

    Returns:
        int: K.

    Raises:
        ValueError: If these are no weights of a released model.
    """
    weights = _rename(_unwrap(state_dict))
    return len(weights['decode_head.side5.weight'])


def _unwrap(content) -> dict[str, Tensor]:
    """Take the weights out of wrapping dicts and DataParallel."""
    while isinstance(content, Mapping):
        inner = [content[k] for k in _WRAPPERS if isinstance(content.get(k), Mapping)]
        if not inner:
            break
        content = inner[0]
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(k, str) and isinstance(x, Tensor) for k, x in content.items())
    ):
        kind = type(content).__name__
        keys = f' with the keys {list(content)[:5]}' if isinstance(content, Mapping) else ''
        raise ValueError(
            f'Expected weights by name, plain or under one of {_WRAPPERS}, but got a {kind}{keys}.'
        )
    weights = dict(content)
    while all(name.startswith('module.') for name in weights):
        weights = {name.removeprefix('module.'): x for name, x in weights.items()}
    return weights


def _rename(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our names for the released ones; unknown names stay."""
    if any(name.startswith(('backbone.', 'decode_head.')) for name in weights):
        raise ValueError(
            'Expected released weights, but these are in the layout of mmseg already; give them '
            'to `mmsteal test` or EdgeInferencer as they are.'
        )
    layers = {**_HEAD, **_ALIASES}
    renamed = {}
    for name, value in weights.items():
        layer, _, parameter = name.rpartition('.')
        if name.startswith(_BACKBONE):
            name = f'backbone.{name}'
        elif layer in layers:
            name = f'decode_head.{layers[layer]}.{parameter}'
        renamed[name] = value
    if 'decode_head.side5.weight' not in renamed:
        raise ValueError(
            'Expected the weights of a released STEAL model, with `score_cls_side5` among them, '
            f'but got {list(weights)[:5]} ...; ImageNet weights of a backbone go into '
            "`model.backbone.init_cfg=dict(type='Pretrained', checkpoint=...)` instead."
        )
    return renamed


def _released_name(name: str) -> str:
    """The released name of one of ours."""
    layer, _, parameter = name.removeprefix('decode_head.').rpartition('.')
    old = f'{_RELEASED[layer]}.{parameter}' if layer in _RELEASED else name
    return old.removeprefix('backbone.')


def _check_network(model: nn.Module) -> None:
    """Shapes do not tell where strides and pooling lie, nor what the input is."""
    backbone = model.backbone
    if not isinstance(backbone, CASENetResNet):
        raise ValueError(
            "Expected `model.backbone` to have type='CASENetResNet', which keeps the full "
            f'resolution of the first convolution, but got {type(backbone).__name__}.'
        )
    pool = backbone.maxpool
    if backbone.style != 'caffe' or pool.padding != 0 or not pool.ceil_mode:
        raise ValueError(
            "Expected the config to have the released network's strides and pooling, but "
            f'`model.backbone` has style={backbone.style!r} and '
            f'caffe_pool={pool.padding == 0 and pool.ceil_mode}; set '
            "`model.backbone=dict(style='caffe', caffe_pool=True)`, as in "
            'configs/_base_/models/released_steal_r101.py.'
        )
    if tuple(backbone.strides) != (1, 2, 2, 1) or tuple(backbone.dilations) != (2, 2, 2, 4):
        raise ValueError(
            'Expected the released strides (1, 2, 2, 1) and dilations (2, 2, 2, 4), but '
            f'`model.backbone` has {tuple(backbone.strides)} and {tuple(backbone.dilations)}; '
            'leave `strides` and `dilations` out of the config.'
        )
    data = model.data_preprocessor
    mean, std = (getattr(data, n, torch.zeros(3)).flatten().tolist() for n in ('mean', 'std'))
    exact = all(abs(a - b) < 1e-3 for a, b in zip(mean, _BGR_MEAN, strict=True))
    # The families of the stack have different names for it.
    converts = any(getattr(data, n, False) for n in ('_channel_conversion', 'channel_conversion'))
    if not exact or std != [1, 1, 1] or converts:
        raise ValueError(
            f'Expected images as BGR less {_BGR_MEAN}, unscaled, but '
            f'`model.data_preprocessor` has mean={[round(m, 3) for m in mean]}, '
            f'std={[round(s, 3) for s in std]} and conversion of channels '
            f'{"on" if converts else "off"}; set it as in '
            'configs/_base_/models/released_steal_r101.py.'
        )


def _dataset_meta(cfg: Config, num_classes: int) -> dict:
    """Names and colors of the classes of the test set, where they are as many as the model's."""
    dataset = cfg.test_dataloader.dataset
    meta = {**DATASETS.get(dataset.type).METAINFO, **dataset.get('metainfo', {})}
    if len(meta.get('classes') or ()) != num_classes:
        return {}
    return {key: [*meta[key]] for key in ('classes', 'palette') if key in meta}
