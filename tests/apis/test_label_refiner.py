from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmsteal.apis import EdgeInferencer, LabelRefiner
from mmsteal.apis.model_edges import ModelEdges
from mmsteal.functional import REFINE_OPTIONS, gradient_edges, refine_label_map
from mmsteal.label_formats import FormatSpec
from mmsteal.refinement import RefineSettings, refine_folder
from tests.apis.test_edge_inferencer import CONFIG, SMALL

# The weights are random: outlines move because nothing holds them.
OPTIONS = replace(REFINE_OPTIONS, min_gain=0.0)
LOOSE = dict(options=OPTIONS, error_px=4)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('model') / 'weights.pth'
    inferencer = EdgeInferencer(CONFIG, device='cpu', cfg_options=SMALL)
    meta = dict(dataset_meta=dict(classes=[f'c{i}' for i in range(11)]))
    torch.save(dict(state_dict=inferencer.model.state_dict(), meta=meta), path)
    return str(path)


@pytest.fixture(scope='module')
def refiner(checkpoint):
    return LabelRefiner(CONFIG, checkpoint, 'cpu', cfg_options=SMALL, **LOOSE)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture
def labels():
    labels = np.full((60, 80), 2, np.uint8)
    cv2.circle(labels, (25, 30), 12, 4, -1)
    cv2.circle(labels, (60, 30), 10, 5, -1)
    labels[-3:] = 255
    return labels


def test_pil_images_and_tensors(refiner, image, labels):
    options = dict(classes={4: 3, 5: 1}, background=2)
    expected = refiner(image, labels, **options).label_map
    rgb = np.ascontiguousarray(image[..., ::-1])
    palette = Image.fromarray(labels)
    palette.putpalette(list(range(256)) * 3)
    pairs = [
        (Image.fromarray(rgb), Image.fromarray(labels)),
        (Image.fromarray(rgb), palette),
        (torch.from_numpy(rgb).permute(2, 0, 1), torch.from_numpy(labels)),
        (torch.from_numpy(rgb).permute(2, 0, 1) / 255, torch.from_numpy(labels)[None].long()),
    ]
    for photo, given in pairs:
        np.testing.assert_array_equal(refiner(photo, given, **options).label_map, expected)
    with pytest.raises(ValueError, match='PIL image of mode RGB; convert colors'):
        refiner(image, Image.fromarray(rgb))


def test_masks_of_0_and_255():
    y, x = np.mgrid[:60, :60]
    distance = np.hypot(y - 30, x - 30)
    photo = np.where(distance < 20, 200, 50).astype(np.uint8)[..., None].repeat(3, axis=2)
    ones = (distance < 15).astype(np.uint8)
    refine = LabelRefiner(background=0, error_px=8)
    found, expected = refine(photo, ones * 255), refine(photo, ones)
    assert found.values == [255]
    np.testing.assert_array_equal(found.label_map, expected.label_map * 255)


def test_it_is_the_function_on_predicted_edges(refiner, image, labels):
    result = refiner(image, labels, classes={4: 3, 5: 1}, background=2)
    expected = refine_label_map(labels, result.edges, classes={4: 3, 5: 1}, background=2, **LOOSE)
    np.testing.assert_array_equal(result.label_map, expected.label_map)
    assert result.engine == 'level_set'  # the options are those of level sets
    assert str(result.objects) == str(expected.objects)
    assert (result.label_map != labels).any()
    assert (result.values, result.instance_map) == ([4, 5], None)
    assert result.edges.shape == (11, 60, 80)
    assert result.edge_classes == refiner.classes == tuple(f'c{i}' for i in range(11))


def test_the_joint_labelling_is_the_default(checkpoint, image, labels):
    rgb = np.ascontiguousarray(image[..., ::-1])
    refiner = LabelRefiner(CONFIG, checkpoint, 'cpu', cfg_options=SMALL, background=2)
    result = refiner(image, labels, classes={4: 3, 5: 1}, error_px=4)
    expected = refine_label_map(
        labels, result.edges, image=rgb, classes={4: 3, 5: 1}, background=2, error_px=4
    )
    np.testing.assert_array_equal(result.label_map, expected.label_map)
    assert str(result.objects) == str(expected.objects)
    assert result.engine == expected.engine == 'joint'
    assert refiner(image, labels, classes={4: 3}, engine='geodesic').engine == 'geodesic'


def test_without_a_model(labels):
    clean = np.full((60, 80, 3), 60, np.uint8)
    cv2.circle(clean, (25, 30), 15, (30, 200, 90), -1)
    cv2.circle(clean, (60, 30), 13, (200, 90, 30), -1)
    refiner = LabelRefiner(background=2, error_px=6)
    assert refiner.classes == ('gradient',)
    result = refiner(clean, labels)
    rgb = np.ascontiguousarray(clean[..., ::-1])
    expected = refine_label_map(labels, image=rgb, background=2, error_px=6)
    np.testing.assert_array_equal(result.label_map, expected.label_map)
    np.testing.assert_array_equal(result.edges[0], gradient_edges(rgb))
    for value, radius in ((4, 15), (5, 13)):
        assert (result.label_map == value).sum() == pytest.approx(np.pi * radius**2, rel=0.08)
    half = LabelRefiner(background=2, error_px=6, scale=0.5)(clean, labels)
    assert half.edges.shape == (1, 30, 40)
    assert (half.label_map == result.label_map).mean() > 0.98
    estimated = refiner(clean, labels, error_px=None)
    assert 2 <= estimated.error_px <= 48
    with pytest.raises(ValueError, match='`config` beside the checkpoint'):
        LabelRefiner(checkpoint='weights.pth')


def test_options_of_a_call_take_the_place_of_the_defaults(image, labels):
    refiner = LabelRefiner(background=2, engine='geodesic', error_px=4)
    assert refiner(image, labels).engine == 'geodesic'
    assert refiner(image, labels, options=OPTIONS).engine == 'level_set'
    with pytest.raises(ValueError, match='JointOptions'):
        refiner(image, labels, engine='joint', options=OPTIONS)


def test_classes_by_index_name_or_order(refiner, image, labels):
    by_index = refiner(image, labels, classes={2: 2, 4: 4, 5: 5}).label_map
    for classes in ({2: 'c2', 4: 'c4', 5: 'C5'}, {'c2': 2, 'c4': 4, 'c5': 5}, None):
        np.testing.assert_array_equal(refiner(image, labels, classes=classes).label_map, by_index)
    shifted = refiner(image, labels, background=0, classes={2: 1, 4: 3, 5: 4}).label_map
    np.testing.assert_array_equal(refiner(image, labels, background=0).label_map, shifted)
    with pytest.raises(ValueError, match='wheel'):
        refiner(image, labels, classes={4: 'wheel'})
    with pytest.raises(ValueError, match='label 40'):
        refiner(image, np.full_like(labels, 40))


def test_paths_arrays_and_instances(refiner, image, labels, tmp_path):
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    Image.fromarray(labels).save(tmp_path / 'labels.png')
    ids = (labels == 4).astype(np.uint16) * 400 + (labels == 5) * np.uint16(300)
    Image.fromarray(ids).save(tmp_path / 'ids.png')
    by_array = refiner(image, labels, instance_map=ids)
    by_path = refiner(
        tmp_path / 'image.png', str(tmp_path / 'labels.png'), instance_map=tmp_path / 'ids.png'
    )
    np.testing.assert_array_equal(by_array.label_map, by_path.label_map)
    np.testing.assert_array_equal(by_array.instance_map, by_path.instance_map)
    assert by_path.label_map.dtype == np.uint8
    assert by_array.instances == [0, 400, 300]


def test_scale_and_a_single_edge_map(image, labels):
    torch.manual_seed(0)
    options = {**SMALL, 'model.decode_head.num_classes': 1}
    half = LabelRefiner(CONFIG, None, 'cpu', scale=0.5, cfg_options=options, **LOOSE)
    result = half(image, labels, options=replace(OPTIONS, min_gain=0.01))
    assert result.edges.shape == (1, 30, 40)
    assert result.label_map.shape == labels.shape
    assert 'no edge map' not in {entry.reason for entry in result.objects}
    np.testing.assert_array_equal(result.label_map == 255, labels == 255)


def test_exception(refiner, image, labels, tmp_path):
    with pytest.raises(ValueError, match='`scale`'):
        LabelRefiner(CONFIG, scale=0)
    with pytest.raises(ValueError, match='size of the image'):
        refiner(image, labels[:30])
    with pytest.raises(TypeError, match='`label_map`'):
        refiner(image, labels * 1.0)
    with pytest.raises(FileNotFoundError, match=r'gone\.png'):
        refiner(image, tmp_path / 'gone.png')
    with pytest.raises(TypeError, match='wrong'):
        refiner(image, labels, wrong=1)


def test_a_model_and_its_edge_maps_on_disk_give_the_same_folder(
    checkpoint, image, labels, tmp_path
):
    for folder in ('images', 'labels'):
        (tmp_path / folder).mkdir()
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / f'images/{name}.png'), image if name == 'a' else image[::-1])
        cv2.imwrite(str(tmp_path / f'labels/{name}.png'), labels)
    model = ModelEdges(CONFIG, checkpoint, 'cpu', cfg_options=SMALL)
    inferencer = EdgeInferencer(CONFIG, checkpoint, 'cpu', cfg_options=SMALL)
    inferencer(tmp_path / 'images', out_dir=tmp_path / 'edges', show_progress=False)
    options = {'images': str(tmp_path / 'images'), 'background': [2]}
    source = FormatSpec('png', str(tmp_path / 'labels'), options)
    common = dict(
        source=source, edge_names=model.names, class_map={'4': 'c3', '5': 'c1'},
        error_px=4.0, options=OPTIONS,
    )  # fmt: skip
    by_model = RefineSettings(out_dir=str(tmp_path / '1'), model=model.hashes, **common)
    by_files = RefineSettings(out_dir=str(tmp_path / '2'), edges=str(tmp_path / 'edges'), **common)
    first = refine_folder(by_model, predict=model, progress=False)
    second = refine_folder(by_files, progress=False)
    assert first.errors == second.errors == {}
    assert first.objects == second.objects
    assert first.objects['moved'] > 0
    for name in ('a', 'b'):
        written = cv2.imread(str(tmp_path / f'1/labels/{name}.png'), cv2.IMREAD_UNCHANGED)
        other = cv2.imread(str(tmp_path / f'2/labels/{name}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written, other)
    # another checkpoint is another model
    state = torch.load(checkpoint, weights_only=False)
    state['meta']['note'] = 'trained longer'
    torch.save(state, tmp_path / 'longer.pth')
    longer = ModelEdges(CONFIG, str(tmp_path / 'longer.pth'), 'cpu', cfg_options=SMALL)
    assert longer.hashes != model.hashes
    changed = RefineSettings(out_dir=str(tmp_path / '1'), model=longer.hashes, **common)
    with pytest.raises(ValueError, match=r'model: .*checkpoint'):
        refine_folder(changed, predict=longer, progress=False)
