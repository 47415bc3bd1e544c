from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmsteal.apis import EdgeInferencer
from tests.conftest import REPO
from tests.input_files.bad_files import huge_png

CONFIG = str(REPO / 'configs/steal_casenet_r18_camvid.py')
SMALL = {
    'model.backbone.base_channels': 8,
    'model.backbone.stem_channels': 8,
    'model.decode_head.in_channels': [8, 8, 16, 64],
}


@pytest.fixture(scope='module')
def inferencer():
    torch.manual_seed(0)
    return EdgeInferencer(CONFIG, device='cpu', cfg_options=SMALL)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_array_path_list_and_folder_agree(inferencer, image, tmp_path):
    for name in ('b', 'a'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), image)
    (tmp_path / 'notes.txt').write_text('not an image')
    from_array = inferencer(image)[0]
    from_path = inferencer(str(tmp_path / 'a.png'))[0]
    from_folder = inferencer(tmp_path, show_progress=False)
    from_list = inferencer([tmp_path / 'b.png', image], show_progress=False)
    assert from_array.edges.shape == (11, 60, 80)
    assert from_array.edges.min() >= 0
    assert from_array.edges.max() <= 1
    assert from_array.overlay.shape == (60, 80, 3)
    assert [p.name for p in from_folder] == ['a', 'b']
    assert [p.name for p in from_list] == ['b', 'image_000001']
    for other in (from_path, *from_folder, *from_list):
        np.testing.assert_array_equal(other.edges, from_array.edges)


def test_pil_images_and_tensors(inferencer, image, tmp_path):
    expected = inferencer(image)[0].edges
    rgb = np.ascontiguousarray(image[..., ::-1])
    tensor = torch.from_numpy(rgb).permute(2, 0, 1)
    given = [Image.fromarray(rgb), tensor, tensor / 255, tensor.double() / 255]
    found = inferencer(given, out_dir=tmp_path, return_predictions=True, show_progress=False)
    for prediction in (*found, inferencer(given[0])[0], inferencer(tensor)[0]):
        np.testing.assert_array_equal(prediction.edges, expected)
    assert (tmp_path / 'class_001/image_000003.png').is_file()
    gray = image[..., :1].repeat(3, axis=2)
    for one in (Image.fromarray(gray[..., 0]), torch.from_numpy(gray[None, ..., 0])):
        np.testing.assert_array_equal(inferencer(one)[0].edges, inferencer(gray)[0].edges)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (torch.zeros(2, 3, 8, 8), r'\(2, 3, 8, 8\); give images of a batch one by one'),
        (torch.full((3, 8, 8), 2.0), r'floats in \[0, 1\], but got 2 to 2; undo'),
        (torch.zeros(3, 8, 8, dtype=torch.int64), 'uint8 or float, but got torch.int64'),
        (Image.new('I;16', (8, 8)), 'mode I;16'),
        ([3], 'a path, a PIL image, a tensor or an array, but got int'),
    ],
)
def test_other_images_are_told(inferencer, given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        inferencer(given)


def test_turned_photographs_are_turned(inferencer, image):
    photo = Image.fromarray(image)
    exif = photo.getexif()
    exif[0x0112] = 6  # a quarter turn
    upright = np.rot90(image, -1)
    stream = BytesIO()
    photo.save(stream, 'png', exif=exif)
    found = inferencer(Image.open(stream))[0]
    expected = inferencer(np.ascontiguousarray(upright[..., ::-1]))[0]
    np.testing.assert_array_equal(found.edges, expected.edges)


def test_hidden_files_are_no_images(inferencer, image, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    (tmp_path / '._a.png').write_bytes(b'of a Mac')
    assert [found.name for found in inferencer(tmp_path)] == ['a']


def test_files_are_written_and_nothing_is_kept(inferencer, image, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    assert inferencer(tmp_path / 'a.png', out_dir=tmp_path / 'out') == []
    expected = inferencer(image)[0].edges
    level = cv2.imread(str(tmp_path / 'out/class_011/a.png'), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(level, np.rint(expected[10] * 255).astype(np.uint8))
    assert cv2.imread(str(tmp_path / 'out/overlay/a.png')).shape == (60, 80, 3)


def test_checkpoint_brings_weights_and_class_names(inferencer, image, tmp_path):
    meta = dict(dataset_meta=dict(classes=[f'c{i}' for i in range(11)]))
    torch.save(dict(state_dict=inferencer.model.state_dict(), meta=meta), tmp_path / 'weights.pth')
    torch.manual_seed(1)
    other = EdgeInferencer(
        Config.fromfile(CONFIG), tmp_path / 'weights.pth', 'cpu', cfg_options=SMALL
    )
    assert other.classes[3] == 'c3'
    np.testing.assert_array_equal(other(image)[0].edges, inferencer(image)[0].edges)


def test_callers_config_stays_as_it_was():
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='somewhere')
    EdgeInferencer(cfg, device='cpu', cfg_options=SMALL)
    assert cfg.model.backbone.init_cfg.checkpoint == 'somewhere'


def test_images_of_one_name_do_not_overwrite_each_other(inferencer, image, tmp_path):
    paths = [tmp_path / folder / '0001.png' for folder in 'ab']
    for path in paths:
        path.parent.mkdir()
        cv2.imwrite(str(path), image)
    with pytest.raises(ValueError, match=r'a/0001\.png.*b/0001\.png'):
        inferencer(paths, out_dir=tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    assert len(inferencer(paths, show_progress=False)) == 2


@pytest.mark.parametrize('content', [b'', b'no image', huge_png()])
def test_bad_images_of_many_are_told_and_the_others_done(inferencer, image, tmp_path, content):
    cv2.imwrite(str(tmp_path / 'good.png'), image)
    (tmp_path / 'bad.png').write_bytes(content)
    with pytest.raises(ValueError, match=r'bad\.png'):
        inferencer(tmp_path, show_progress=False)
    skipped = {}
    found = inferencer(tmp_path, out_dir=tmp_path / 'out', return_predictions=True,
                       show_progress=False, skipped=skipped)  # fmt: skip
    assert [prediction.name for prediction in found] == ['good']
    assert list(skipped) == [str(tmp_path / 'bad.png')]
    assert 'bad.png' in skipped[str(tmp_path / 'bad.png')]
    assert [path.name for path in (tmp_path / 'out/overlay').iterdir()] == ['good.png']


def test_bad_input_is_named(inferencer, image, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nothing\.jpg'):
        inferencer(tmp_path / 'nothing.jpg')
    (tmp_path / 'broken.jpg').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'broken\.jpg'):
        inferencer(tmp_path / 'broken.jpg')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='empty'):
        inferencer(tmp_path / 'empty')
    with pytest.raises(ValueError, match='empty list'):
        inferencer([])
    with pytest.raises(ValueError, match='BGR uint8'):
        inferencer(image[..., 0])
    with pytest.raises(FileNotFoundError, match=r'nothing\.pth'):
        EdgeInferencer(CONFIG, str(tmp_path / 'nothing.pth'), 'cpu')
