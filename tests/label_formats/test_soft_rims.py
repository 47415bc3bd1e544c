import cv2
import numpy as np
import pytest
from PIL import Image

from mmsteal.label_formats import LabelError, LabelPngFormat
from mmsteal.label_formats.soft_rims import soft_rim_values
from tests.label_formats.helpers import write_image


def disk(value, size=60):
    y, x = np.mgrid[:size, :size]
    return ((np.hypot(y - 28.3, x - 31.7) < 17.2) * value).astype(np.uint8)


def antialiased(value):
    large = cv2.resize(disk(value), None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(cv2.GaussianBlur(large, (9, 9), 3), (60, 60), interpolation=cv2.INTER_AREA)


def jpeg(value):
    _, content = cv2.imencode('.jpg', disk(value), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize('make', [antialiased, jpeg])
@pytest.mark.parametrize('value', [255, 128])
def test_soft_masks_are_found(make, value):
    mask = make(value)
    found = soft_rim_values(mask)
    assert len(found) >= 5
    assert not {0, value} & set(found)


def test_label_maps_are_not(rng):
    assert soft_rim_values(disk(255)) == []
    assert soft_rim_values(disk(255).astype(np.int32) * 257) == []
    blocks = rng.integers(0, 20, (10, 10)).repeat(6, 0).repeat(6, 1)
    assert soft_rim_values(blocks) == []
    # Thin things of classes of their own, on one ground: poles, far signs.
    thin = np.full((60, 60), 8, np.uint8)
    for value in range(12, 24):
        thin[5:50, value * 2 : value * 2 + 1] = value
    assert soft_rim_values(thin[:, ::-1].copy()) == []
    assert soft_rim_values(np.arange(40)[None].repeat(40, 0)[:, ::1] // 4) == []


def test_it_is_told(tmp_path):
    write_image(tmp_path / 'images/a.png', (60, 60))
    (tmp_path / 'labels').mkdir()
    Image.fromarray(antialiased(255)).save(tmp_path / 'labels/a.png')
    for options in ({}, {'classes': {'thing': 1}}):
        reader = LabelPngFormat(
            tmp_path / 'labels', images=tmp_path / 'images', background=(0,), ignore=(), **options
        )
        with pytest.raises(LabelError, match=r'a\.png: \d+ values, .*rims alone.*hard edges'):
            reader.read(reader.items()[0])
    reader = LabelPngFormat(
        tmp_path / 'labels', images=tmp_path / 'images', known=range(256), unclaimed=0
    )
    assert reader.read(reader.items()[0]).objects
