"""Files of images: exact paths first, bare names only where nobody else could mean them."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmsteal.edge_files import EdgeFolder, PredictionFolder
from mmsteal.pairing import FilePairs, list_files


def pairs(files, images):
    return FilePairs({name: Path(name) for name in files}, images)


@pytest.mark.parametrize(
    ('files', 'images', 'expected'),
    [
        # Only the second sequence has a file: the first one gets none.
        (['b/1'], ['a/1', 'b/1'], {'a/1': None, 'b/1': 'b/1'}),
        (['b/1'], ['a/1'], {'a/1': None}),
        (['1'], ['a/1', 'b/1'], {'a/1': None, 'b/1': None}),
        (['1'], ['a/1', '1'], {'a/1': None, '1': '1'}),
        (['1', 'b/1'], ['a/1', 'b/1'], {'a/1': None, 'b/1': 'b/1'}),
        # Flat on one side.
        (['1', '2'], ['a/1', 'b/2'], {'a/1': '1', 'b/2': '2'}),
        (['a/1', 'b/2'], ['1', '2'], {'1': 'a/1', '2': 'b/2'}),
        (['a/1', 'b/1'], ['1'], {'1': None}),
        # With a part of the folders.
        (['val/a/1', 'val/b/1'], ['a/1', 'b/1'], {'a/1': 'val/a/1', 'b/1': 'val/b/1'}),
        (['a/1', 'b/1'], ['val/a/1', 'val/b/1'], {'val/a/1': 'a/1', 'val/b/1': 'b/1'}),
        # Endings of data sets; accents as two characters and as one.
        (['x'], ['a/x_leftImg8bit'], {'a/x_leftImg8bit': 'x'}),
        (['\u00e9'], ['e\u0301'], {'e\u0301': '\u00e9'}),
    ],
)
def test_which_file(files, images, expected):
    found = {name: pairs(files, images).find(name) for name in images}
    assert {name: path and path.as_posix() for name, path in found.items()} == expected


def test_no_file_is_given_to_two_images_and_none_is_taken_from_another():
    rng = random.Random(0)
    names = [
        '/'.join(parts)
        for n in (1, 2, 3)
        for parts in itertools.product('ab', repeat=n - 1)
        for parts in [(*parts, '1'), (*parts, '2')]
    ]
    for _ in range(300):
        files, images = (rng.sample(names, rng.randint(1, 8)) for _ in range(2))
        index = pairs(files, images)
        found = {name: index.find(name) for name in images}
        given = [path for path in found.values() if path is not None]
        assert len(set(given)) == len(given)
        for name, path in found.items():
            if name in files:
                assert path == Path(name)
            elif path is not None:
                assert path.as_posix() not in images
                assert f'/{path.as_posix()}'.endswith(f'/{name}') or f'/{name}'.endswith(f'/{path}')


def test_images_that_are_not_known_are_taken_for_the_only_ones():
    assert pairs(['1'], []).find('a/1') == Path('1')
    assert pairs(['b/1'], []).find('a/1') is None


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_lists_leave_out_hidden_files_and_refuse_two_of_one_image(tmp_path):
    save(tmp_path / 'a/x.png', np.zeros((2, 2), np.uint8))
    (tmp_path / 'a/._x.png').write_bytes(b'of a Mac')
    assert list(list_files(tmp_path, ('.png',))) == ['a/x']
    save(tmp_path / 'a/x_leftImg8bit.png', np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match=r'one file for image a/x'):
        list_files(tmp_path, ('.png',))


def test_edge_maps_of_another_sequence_are_not_taken(tmp_path):
    save(tmp_path / 'edge/seq2/0001.png', np.full((4, 6), 255, np.uint8))
    images = ['seq1/0001', 'seq2/0001']
    for folder in (
        EdgeFolder(tmp_path, images=images),
        EdgeFolder(tmp_path).of_images(images),
        PredictionFolder(tmp_path, ['edge'], images=images),
        PredictionFolder(tmp_path, ['edge']).of_images(images),
    ):
        assert (folder.read('seq2/0001') == 255).all()
        with pytest.raises(FileNotFoundError, match='image seq1/0001'):
            folder.read('seq1/0001')


def test_jpeg_predictions_are_told(tmp_path):
    save(tmp_path / 'edge/x.jpg', np.zeros((4, 6), np.uint8))
    with pytest.raises(FileNotFoundError, match=r'JPEG files, such as .*x\.jpg.*write PNG'):
        PredictionFolder(tmp_path, ['edge'])
    save(tmp_path / 'edge/y.png', np.zeros((4, 6), np.uint8))
    with pytest.raises(FileNotFoundError, match=r'image x.*missing.*JPEG files'):
        PredictionFolder(tmp_path, ['edge']).read('x')
