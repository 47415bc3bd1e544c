import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsteal.apis import EdgeInferencer
from tests.conftest import REPO

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
