import numpy as np
import pytest
from PIL import Image

from mmsteal.edge_files import (
    PredictionFolder,
    class_indices,
    read_prediction,
    write_prediction,
)

NAMES = ('road', 'traffic light', 'car')


def levels(seed=0, num_classes=3):
    return np.random.default_rng(seed).integers(0, 256, (num_classes, 9, 7)).astype(np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_round_trip(tmp_path):
    prob = np.random.default_rng(0).random((3, 9, 7), np.float32)
    write_prediction(tmp_path, 'x', prob)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['class_001', 'class_002', 'class_003']
    back = read_prediction(tmp_path, 'x', 3)
    np.testing.assert_array_equal(back, np.rint(prob * 255).astype(np.uint8))
    with pytest.raises(FileNotFoundError, match=r'image x, class 4'):
        read_prediction(tmp_path, 'x', 4)


def test_prediction_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / 'class_001').write_text('a file where a folder should be')
    with pytest.raises(OSError, match='class_001'):
        write_prediction(tmp_path, 'x', np.zeros((1, 4, 4)))


@pytest.mark.parametrize('suffix', ['.png', '.bmp'])
@pytest.mark.parametrize(
    'folders',
    [
        ('class_1', 'class_2', 'class_3'),
        ('class_001', 'class_002', 'class_003'),
        ('road', 'traffic_light', 'car'),
        ('Road', 'Traffic Light', 'class3'),
    ],
)
@pytest.mark.parametrize('file', ['city/x', 'x', 'city/x_leftImg8bit', 'x_leftImg8bit'])
def test_class_folders(tmp_path, suffix, folders, file):
    for folder, level in zip(folders, levels(), strict=True):
        save(tmp_path / folder / f'{file}{suffix}', level)
    folder = PredictionFolder(tmp_path, NAMES)
    np.testing.assert_array_equal(folder.read('city/x'), levels())
    some = PredictionFolder(tmp_path, NAMES, classes=[0, 2])
    np.testing.assert_array_equal(some.read('city/x'), levels()[[0, 2]])
    assert folder.names() == [file.removesuffix('_leftImg8bit')]


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
@pytest.mark.parametrize('dtype', ['float32', 'float16', 'uint8', 'uint16', 'bool'])
def test_arrays(tmp_path, suffix, dtype):
    array = {
        'uint8': levels(), 'uint16': levels().astype(np.uint16) * 257, 'bool': levels() > 99,
    }.get(dtype, (levels() / 255).astype(dtype))  # fmt: skip
    (np.save if suffix == '.npy' else np.savez)(tmp_path / f'x{suffix}', array)
    back = PredictionFolder(tmp_path, NAMES).read('x')
    expected = array / 65535 if dtype == 'uint16' else array
    np.testing.assert_array_equal(back, expected)
    some = PredictionFolder(tmp_path, NAMES, classes=[1]).read('x')
    np.testing.assert_array_equal(some, expected[[1]])


def test_16_bits_are_fractions_of_65535_and_1_bit_is_all_or_nothing(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (9, 7)).astype(np.uint16)
    save(tmp_path / 'class_1/x.png', deep)
    save(tmp_path / 'class_2/x.png', levels()[1] > 99)
    save(tmp_path / 'class_3/x.png', levels()[2])
    for k, expected in ((0, deep / 65535), (1, levels()[1] > 99)):
        got = PredictionFolder(tmp_path, NAMES, classes=[k]).read('x')[0]
        np.testing.assert_array_equal(got, expected)
    mixed = PredictionFolder(tmp_path, NAMES, classes=[0, 2]).read('x')
    np.testing.assert_allclose(mixed, [deep / 65535, levels()[2] / 255], atol=1e-7)


def test_one_class_needs_no_folder(tmp_path):
    save(tmp_path / 'x.png', levels()[0])
    np.testing.assert_array_equal(PredictionFolder(tmp_path, ['edge']).read('x')[0], levels()[0])


def test_label_maps(tmp_path):
    image = Image.fromarray(levels()[0])
    image.putpalette(bytes(range(256)) * 3)
    image.save(tmp_path / 'x.png')
    folder = PredictionFolder(tmp_path, NAMES, kind='label_map')
    np.testing.assert_array_equal(folder.read('x'), levels()[0])


def test_missing(tmp_path):
    save(tmp_path / 'class_1/x.png', levels()[0])
    save(tmp_path / 'class_3/y.png', levels()[2])
    folder = PredictionFolder(tmp_path, NAMES)
    assert folder.missing(['x']) == [('x', 'class 2 (traffic light)'), ('x', 'class 3 (car)')]
    with pytest.raises(FileNotFoundError, match=r'image x, class 2 \(traffic light\)'):
        folder.read('x')
    read = folder.read('x', missing='empty')
    np.testing.assert_array_equal(read[0], levels()[0])
    assert not read[1:].any()
    assert folder.read('z', missing='empty') is None


def test_bad_files_are_named(tmp_path):
    for k in (1, 2, 3):
        save(tmp_path / f'class_{k}/size.png', np.zeros((9, 7 + k), np.uint8))
        save(tmp_path / f'class_{k}/color.png', np.zeros((9, 7, 3), np.uint8))
        (tmp_path / f'class_{k}/broken.png').write_bytes(b'no image')
    folder = PredictionFolder(tmp_path, NAMES)
    for name, message in (
        ('size', r'one size for image size.*8 x 9'),
        ('color', r'grey.*color\.png.*RGB'),
        ('broken', r'broken\.png'),
    ):
        with pytest.raises(ValueError, match=message):
            folder.check_headers(name)
        with pytest.raises(ValueError, match=message):
            folder.read(name)


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.zeros((2, 9, 7)), r'K = 3 classes.*x\.npy.*\(2, 9, 7\)'),
        (np.zeros((9, 7)), r'shape \(9, 7\)'),
        (np.zeros((3, 9, 7), np.int64), 'int64'),
    ],
)
def test_bad_arrays_are_named(tmp_path, array, message):
    np.save(tmp_path / 'x.npy', array)
    with pytest.raises(ValueError, match=message):
        PredictionFolder(tmp_path, NAMES).read('x')


def test_bad_npz_is_named(tmp_path):
    np.savez(tmp_path / 'x.npz', a=levels(), b=levels())
    with pytest.raises(ValueError, match=r"x\.npz.*\['a', 'b'\]"):
        PredictionFolder(tmp_path, NAMES).read('x')


def test_ambiguous_folders_and_files(tmp_path):
    save(tmp_path / 'one/class_1/x.png', levels()[0])
    save(tmp_path / 'one/class_001/x.png', levels()[0])
    with pytest.raises(ValueError, match=r'class 1 \(road\)'):
        PredictionFolder(tmp_path / 'one', NAMES)
    save(tmp_path / 'two/class_1/x.png', levels()[0])
    save(tmp_path / 'two/class_1/x.bmp', levels()[0])
    with pytest.raises(ValueError, match='one file for image x'):
        PredictionFolder(tmp_path / 'two', NAMES)
    (tmp_path / 'three').mkdir()
    with pytest.raises(FileNotFoundError, match='class_001'):
        PredictionFolder(tmp_path / 'three', NAMES)
    with pytest.raises(FileNotFoundError, match='four'):
        PredictionFolder(tmp_path / 'four', NAMES)


def test_class_indices():
    assert class_indices(None, NAMES) is None
    assert class_indices(['3', 'Traffic_Light'], NAMES) == [1, 2]
    with pytest.raises(ValueError, match='bus'):
        class_indices(['bus'], NAMES)
