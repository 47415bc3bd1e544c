"""Scores that are next to nothing are asked about; sets that merely have quiet files are not."""

import numpy as np
import pytest
from PIL import Image

from mmsteal.edge_files import EdgeFolder, PredictionFolder, read_edge_pngs


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, array)
    else:
        Image.fromarray(array).save(path)


EDGE = np.eye(6, dtype=np.uint8)


@pytest.mark.parametrize(
    ('name', 'array', 'message'),
    [
        ('edge/a.png', EDGE, r'from 0 to 255.*at most 1.*0, 1 in .*a\.png.*multiply'),
        ('a.png', EDGE, 'multiply edges of 0 and 1 by 255'),
        ('a.npy', EDGE[None], 'multiply edges of 0 and 1 by 255'),
        ('a.npy', EDGE[None] * np.uint16(255), r'from 0 to 65535.*at most 255.*as 8 bits'),
        ('edge/a.png', EDGE * np.uint16(200), 'write values from 0 to 255 as 8 bits'),
    ],
)
def test_next_to_nothing_is_refused(tmp_path, name, array, message):
    save(tmp_path / name, array)
    for folder in (PredictionFolder(tmp_path, ['edge']), EdgeFolder(tmp_path, ['edge'])):
        with pytest.raises(ValueError, match=message):
            folder.read('a')


@pytest.mark.parametrize('array', [EDGE * 0, EDGE.astype(bool), EDGE * 2, EDGE.astype(np.float32)])
def test_other_scores_are_read(tmp_path, array):
    save(tmp_path / 'a.npy', array[None])
    read = PredictionFolder(tmp_path, ['edge']).read('a')
    np.testing.assert_array_equal(read[0], array)


def test_a_quiet_file_of_a_set_is_read(tmp_path):
    for i in range(40):
        save(tmp_path / f'edge/{i:02d}.png', EDGE * 255 if i == 20 else EDGE)
    np.testing.assert_array_equal(PredictionFolder(tmp_path, ['edge']).read('00')[0], EDGE)


def test_true_edges_of_0_and_1_are_read_as_they_are(tmp_path):
    save(tmp_path / 'edge/a.png', EDGE)
    np.testing.assert_array_equal(
        read_edge_pngs(PredictionFolder(tmp_path, ['edge']), 'a')[0], EDGE
    )
