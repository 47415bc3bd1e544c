"""EfficientNet-Lite: its levels, timm's network where timm can be imported, and its weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmsteal.models import EfficientNetLite
from mmsteal.models.backbones.efficientnet_lite_weights import (
    convert_lite_checkpoint,
    convert_lite_state_dict,
)


def timm_or_skip():
    try:
        import timm
    except Exception as error:  # a torchvision that does not fit torch raises RuntimeError
        pytest.skip(f'timm cannot be imported: {error}')
    return timm


def random_network(arch='lite0', **options):
    torch.manual_seed(0)
    network = EfficientNetLite(arch, **options).eval()
    for name, value in network.state_dict().items():
        if 'running_var' in name:
            value.uniform_(0.5, 1.5)
        elif 'running_mean' in name:
            value.normal_(0, 0.1)
    return network


def published(network):
    """The weights of a network by the names of the package that publishes them."""
    blocks = [
        f'blocks.{s}.{b}' for s, stage in enumerate(network.blocks) for b in range(len(stage))
    ]
    separable = {'conv_dw': '_depthwise_conv', 'bn1': '_bn1', 'conv_pw': '_project_conv',
                 'bn2': '_bn2'}  # fmt: skip
    expanding = {'conv_pw': '_expand_conv', 'bn1': '_bn0', 'conv_dw': '_depthwise_conv',
                 'bn2': '_bn1', 'conv_pwl': '_project_conv', 'bn3': '_bn2'}  # fmt: skip
    found = {}
    for name, value in network.state_dict().items():
        if name.startswith('blocks.'):
            block, layer, rest = name.rsplit('.', 2)
            number = blocks.index(block)
            layers = expanding if number else separable
            found[f'_blocks.{number}.{layers[layer]}.{rest}'] = value
        else:
            found[name.replace('conv_stem', '_conv_stem').replace('bn1', '_bn0')] = value
    return {**found, '_conv_head.weight': torch.zeros(1280, 320, 1, 1), '_fc.bias': torch.zeros(9)}


@pytest.mark.parametrize(
    ('output_stride', 'strides'),
    [(32, (2, 4, 8, 16, 32)), (16, (2, 4, 8, 16, 16)), (8, (2, 4, 8, 8, 8))],
)
def test_levels(output_stride, strides):
    network = EfficientNetLite(output_stride=output_stride).eval()
    assert network.out_channels == [16, 24, 40, 112, 320]
    with torch.no_grad():
        levels = network(torch.zeros(1, 3, 96, 64))
    for level, channels, stride in zip(levels, network.out_channels, strides, strict=True):
        assert level.shape == (1, channels, 96 // stride, 64 // stride)


def test_smoke_sizes_that_no_stride_divides():
    with torch.no_grad():
        levels = EfficientNetLite(out_indices=(4, 0)).eval()(torch.zeros(1, 3, 45, 71))
    assert [tuple(x.shape[2:]) for x in levels] == [(2, 3), (23, 36)]


def test_parameters_of_the_published_network():
    """3.4 M without the classifier's two layers: 4.65 M are published for all."""
    network = EfficientNetLite()
    count = sum(p.numel() for p in network.parameters())
    classifier = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert count + classifier == 4_652_008
    assert len(network.state_dict()) == 288


def test_a_strided_convolution_pads_as_tensorflow_does():
    """Nothing before an even size, one row and column after it."""
    network = random_network()
    x = torch.randn(1, 3, 8, 8)
    expected = F.conv2d(F.pad(x, (0, 1, 0, 1)), network.conv_stem.weight, stride=2)
    torch.testing.assert_close(network.conv_stem(x), expected)


def test_a_dilated_stage_starts_as_the_strided_one_does():
    """At every second pixel the first dilated block sees what the strided one sees."""
    strided, dilated = random_network(), random_network(output_stride=16)
    dilated.load_state_dict(strided.state_dict())
    block = dilated.blocks[5]
    assert block[0].conv_dw.stride == (1, 1)
    assert block[0].conv_dw.dilation == (1, 1)
    assert {b.conv_dw.dilation for b in block[1:]} == {(2, 2)}
    with torch.no_grad():
        x = torch.randn(1, 3, 64, 64)
        torch.testing.assert_close(strided(x)[3], dilated(x)[3])


def test_norm_eval_keeps_the_statistics():
    network = EfficientNetLite(norm_eval=True).train()
    before = network.bn1.running_mean.clone()
    network(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(network.bn1.running_mean, before)


@pytest.mark.parametrize('arch', ['lite0', 'lite2'])
@pytest.mark.parametrize('output_stride', [32, 8])
def test_equal_to_timm(arch, output_stride):
    timm = timm_or_skip()
    network = random_network(arch, output_stride=output_stride)
    options = {} if output_stride == 32 else dict(output_stride=output_stride)
    other = timm.create_model(f'tf_efficientnet_{arch}', features_only=True, **options).eval()
    other.load_state_dict(network.state_dict())
    for size in ((64, 64), (45, 71)):
        x = torch.randn(1, 3, *size)
        with torch.no_grad():
            for found, expected in zip(network(x), other(x), strict=True):
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_convert_published_names():
    network = random_network()
    found = convert_lite_state_dict(published(network), EfficientNetLite())
    expected = network.state_dict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_convert_a_file_of_timm(tmp_path):
    network = random_network()
    source, out = tmp_path / 'timm.pth', tmp_path / 'out.pth'
    torch.save({**network.state_dict(), 'classifier.weight': torch.zeros(1)}, source)
    convert_lite_checkpoint(source, out)
    found = torch.load(out, weights_only=True)
    EfficientNetLite().load_state_dict(found)
    np.testing.assert_array_equal(found['conv_stem.weight'], network.conv_stem.weight.detach())


def test_exception_another_network(tmp_path):
    with pytest.raises(ValueError, match=r'EfficientNetLite.*--arch'):
        convert_lite_state_dict(published(random_network('lite2')), EfficientNetLite())
    with pytest.raises(ValueError, match=r'conv_stem.weight is missing'):
        convert_lite_state_dict({'layer1.weight': torch.zeros(1)}, EfficientNetLite())


def test_exception_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        convert_lite_checkpoint(tmp_path / 'none.pth', tmp_path / 'out.pth')
    cut = tmp_path / 'cut.pth'
    torch.save(random_network().state_dict(), cut)
    cut.write_bytes(cut.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'cut\.pth.*get it again'):
        convert_lite_checkpoint(cut, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(arch='lite9'), 'arch'),
        (dict(out_indices=(5,)), 'out_indices'),
        (dict(out_indices=()), 'out_indices'),
        (dict(output_stride=4), 'output_stride'),
    ],
)
def test_exception_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetLite(**options)
