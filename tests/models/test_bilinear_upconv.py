import pytest
import torch
import torch.nn.functional as F

from mmsteal.models import BilinearUpConv


@pytest.mark.parametrize('factor', [2, 4, 8])
@pytest.mark.parametrize('rows', [-1, 0, 1])
def test_size_is_a_crop_of_the_unpadded_convolution(factor, rows):
    up = BilinearUpConv(3, factor)
    torch.nn.init.normal_(up.weight)
    x = torch.randn(2, 3, 5, 6)
    size = (5 * factor + rows, 6 * factor - rows * factor // 2)
    whole = F.conv_transpose2d(x, up.weight, stride=factor, groups=3)
    offset = factor // 2
    expected = whole[:, :, offset : offset + size[0], offset : offset + size[1]]
    torch.testing.assert_close(up(x, size), expected)
    if rows == 0:
        torch.testing.assert_close(up(x), expected)


def test_factor_one_only_cuts():
    x = torch.randn(1, 2, 5, 6)
    torch.testing.assert_close(BilinearUpConv(2, 1)(x, (4, 3)), x[:, :, :4, :3])


@pytest.mark.parametrize(('factor', 'size'), [(1, (6, 6)), (4, (23, 24))])
def test_exception_size_beyond_reach(factor, size):
    up = BilinearUpConv(1, factor)
    with pytest.raises(ValueError, match='`size`'):
        up(torch.zeros(1, 1, 5, 6), size)
