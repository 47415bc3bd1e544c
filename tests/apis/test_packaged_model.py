"""The model in the package: whole, small, the same on every machine, and there by its name."""

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from mmsteal.annotator.edge_model import EdgeModel
from mmsteal.apis import EdgeInferencer, LabelRefiner
from mmsteal.apis.model_edges import ModelEdges
from mmsteal.cli import dispatch
from mmsteal.models.half_precision import write_half_precision
from mmsteal.weights import PACKAGED_MODELS, find_model
from tests.conftest import REPO

MODEL = PACKAGED_MODELS['edges']
# Thousandths: the edge map of `photo()`, averaged over blocks of 16 x 10 px.
EXPECTED = np.array([
    [95, 80, 323, 542, 234, 450, 498, 513, 290, 119, 39, 23, 10, 17, 207],
    [95, 217, 548, 197, 231, 490, 191, 185, 424, 343, 64, 13, 5, 11, 179],
    [347, 582, 192, 82, 499, 176, 8, 9, 29, 456, 465, 54, 13, 14, 157],
    [659, 382, 100, 217, 430, 28, 6, 7, 6, 139, 629, 91, 11, 13, 176],
    [498, 113, 203, 220, 339, 39, 16, 18, 7, 58, 707, 207, 17, 17, 227],
    [265, 112, 363, 73, 347, 84, 9, 12, 15, 80, 633, 516, 36, 40, 277],
    [124, 130, 322, 25, 298, 120, 5, 2, 17, 251, 307, 592, 95, 30, 265],
    [37, 245, 235, 40, 203, 95, 83, 43, 58, 264, 111, 476, 205, 22, 271],
    [64, 366, 261, 27, 131, 101, 144, 57, 73, 420, 51, 286, 299, 30, 305],
    [185, 410, 361, 42, 72, 281, 209, 63, 269, 576, 71, 257, 321, 37, 289],
    [159, 371, 474, 52, 119, 186, 222, 137, 382, 483, 271, 349, 400, 73, 243],
    [64, 301, 545, 59, 153, 164, 151, 160, 225, 296, 358, 527, 426, 51, 253],
    [30, 177, 537, 216, 82, 280, 178, 129, 340, 314, 310, 617, 315, 24, 264],
    [19, 39, 454, 421, 77, 161, 126, 145, 475, 352, 511, 518, 202, 19, 200],
    [18, 18, 336, 398, 399, 337, 239, 192, 300, 473, 559, 366, 114, 15, 202],
    [36, 18, 179, 448, 296, 491, 507, 486, 468, 440, 490, 193, 63, 38, 222],
])  # fmt: skip


def photo():
    """A cup of coffee, 240 x 160, BGR."""
    return cv2.resize(data.coffee(), (240, 160), interpolation=cv2.INTER_AREA)[..., ::-1]


@pytest.fixture(scope='module')
def edges():
    (prediction,) = EdgeInferencer(device='cpu')(np.ascontiguousarray(photo()))
    assert prediction.classes == ('edge',)
    return prediction.edges


def test_edges_are_those_of_the_card(edges):
    assert edges.shape == (1, 160, 240)
    blocks = edges[0].reshape(16, 10, 15, 16).mean(axis=(1, 3))
    np.testing.assert_allclose(blocks, EXPECTED / 1000, atol=0.005)


def test_file_is_small_and_holds_tensors_alone():
    assert MODEL.weights.stat().st_size < 7e6
    found = torch.load(MODEL.weights, weights_only=True)
    assert set(found) == {'state_dict', 'meta'}
    kinds = {x.dtype for x in found['state_dict'].values()}
    assert kinds == {torch.float16, torch.int64}


def test_every_way_gives_the_same_edges(edges, tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), photo())
    np.testing.assert_array_equal(EdgeInferencer('edges')(path)[0].edges, edges)
    levels = ModelEdges('edges')(path)
    np.testing.assert_allclose(levels / 255, edges, atol=0.5 / 255)
    model = EdgeModel('edges', None)
    assert model.title == 'Any object (network in the package)'
    np.testing.assert_array_equal(model(photo()[..., ::-1]), edges)


def test_command_of_a_newcomer(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('photo.jpg', photo())
    dispatch.main(['infer', 'photo.jpg'])
    assert 'classes: edge' in capsys.readouterr().out
    assert cv2.imread('edges/class_001/photo.png', cv2.IMREAD_GRAYSCALE).max() > 128
    assert cv2.imread('edges/overlay/photo.png').shape == (160, 240, 3)


def test_refiner_by_name():
    labels = np.zeros((160, 240), np.uint8)
    cv2.ellipse(labels, (135, 45), (30, 22), 0, 0, 360, 1, -1)
    found = LabelRefiner('edges', background=0)(np.ascontiguousarray(photo()), labels, error_px=8)
    assert found.edge_classes == ('edge',)
    assert found.edges.shape == (1, 160, 240)
    assert found.label_map.any()


def test_folder_of_labels_by_name(tmp_path, capsys):
    labels = np.zeros((160, 240), np.uint8)
    labels[60:100, 80:150] = 1
    for folder, picture in (('labels', labels), ('images', photo())):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'a.png'), picture)
    with pytest.raises(SystemExit) as left:
        dispatch.main(
            ['refine', '--format', 'png', '--labels', str(tmp_path / 'labels'), '--images',
             str(tmp_path / 'images'), '--format-options', 'background=0', '--config', 'edges',
             '--device', 'cpu', '--workers', '0', '--error-px', '8', '--independent',
             '--out', str(tmp_path / 'out')]
        )  # fmt: skip
    assert not left.value.code
    assert 'edge maps: edge' in capsys.readouterr().out
    assert (tmp_path / 'out/labels/a.png').is_file()


def test_other_weights_for_the_same_config(tmp_path):
    assert find_model('edges', 'mine.pth') == (MODEL.config, 'mine.pth')
    assert find_model('mine.py') == ('mine.py', None)
    cut = tmp_path / 'cut.pth'
    cut.write_bytes(MODEL.weights.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r'cut\.pth.*cut off'):
        EdgeInferencer('edges', str(cut))
    other = str(REPO / 'configs/steal_casenet_r18_camvid.py')
    with pytest.raises(ValueError, match="checkpoint of the config's model"):
        EdgeInferencer(other, str(MODEL.weights))


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['infer', 'photo.jpg', '--config', 'mine.py'], '--config needs --checkpoint'),
        (['infer', 'photo.jpg', '--checkpoint', 'mine.pth'], '--config edges brings its weights'),
    ],
)
def test_exception_config_and_weights(words, message, capsys):
    with pytest.raises(SystemExit):
        dispatch.main(words)
    assert message in capsys.readouterr().err


def test_half_precision(tmp_path):
    weights = dict(a=torch.tensor([1 / 3, 2.0]), n=torch.tensor(7))
    source, out = tmp_path / 'run.pth', tmp_path / 'out.pth'
    meta = dict(dataset_meta=dict(classes=('cat', 'dog'), palette=[[1, 2, 3]]), seed=3)
    torch.save(dict(state_dict=weights, optimizer={}, meta=meta), source)
    dispatch.main(['publish', str(source), str(out)])
    found = torch.load(out, weights_only=True)
    assert found['meta']['dataset_meta'] == dict(classes=['cat', 'dog'])
    assert set(found) == {'state_dict', 'meta'}
    torch.testing.assert_close(found['state_dict']['a'], weights['a'].half())
    assert found['state_dict']['n'] == 7
    torch.save(dict(state_dict=dict(big=torch.tensor([1e6]))), source)
    with pytest.raises(ValueError, match='big'):
        write_half_precision(source, out)
