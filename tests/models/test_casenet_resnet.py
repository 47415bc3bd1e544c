import pytest
import torch

from mmsteal.models import CASENetResNet


@pytest.mark.parametrize('depth', [18, 50])
def test_strides_and_channels(depth):
    net = CASENetResNet(depth, out_indices=(0, 1, 2, 3, 4))
    net.eval()
    wide = 4 if depth >= 50 else 1
    levels = net(torch.zeros(1, 3, 64, 48))
    shapes = [tuple(x.shape[1:]) for x in levels]
    assert shapes == [
        (64, 64, 48), (64 * wide, 32, 24), (128 * wide, 16, 12), (256 * wide, 8, 6),
        (512 * wide, 8, 6),
    ]  # fmt: skip


def test_dilations_are_those_of_the_paper():
    net = CASENetResNet(101)
    found = [
        {m.dilation[0] for m in layer.modules() if getattr(m, 'kernel_size', None) == (3, 3)}
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4)
    ]
    assert found == [{2}, {2}, {2}, {4}]
    assert len(net.layer3) == 23


def test_deep_stem_keeps_resolution():
    net = CASENetResNet(18, out_indices=(0,), deep_stem=True)
    net.eval()
    assert net(torch.zeros(1, 3, 16, 16))[0].shape == (1, 64, 16, 16)


@pytest.mark.parametrize('levels', [(), (5,), (0, -1)])
def test_exception_unknown_level(levels):
    with pytest.raises(ValueError, match='out_indices'):
        CASENetResNet(18, out_indices=levels)
