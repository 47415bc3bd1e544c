import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsteal.edge_files import (
    PredictionFolder,
    read_edge_bin,
    read_edge_pngs,
    write_edge_bin,
    write_edge_pngs,
)


def random_edges(seed, num_classes, ignored=True):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, 2, (num_classes, 5, 8)).astype(np.uint8)
    if ignored:
        edges[:, rng.random((5, 8)) < 0.2] = 255
    return edges


@given(seed=st.integers(0, 1000), num_classes=st.integers(1, 31))
def test_bin_round_trip(tmp_path_factory, seed, num_classes):
    path = tmp_path_factory.getbasetemp() / 'a.bin'
    edges = random_edges(seed, num_classes)
    write_edge_bin(path, edges)
    np.testing.assert_array_equal(read_edge_bin(path, num_classes, (5, 8)), edges)


def test_bin_is_row_by_row_with_bit_c_for_class_c(tmp_path):
    words = np.zeros((3, 4), np.uint32)
    words[0, 1] = 1 << 0
    words[2, 3] = (1 << 4) | (1 << 2)
    words[1, 0] = 1 << 31
    words.tofile(tmp_path / 'a.bin')
    edges = read_edge_bin(tmp_path / 'a.bin', 5, (3, 4))
    assert edges[0, 0, 1] == edges[4, 2, 3] == edges[2, 2, 3] == 1
    assert (edges[:, 1, 0] == 255).all()
    assert (edges == 1).sum() == 3
    write_edge_bin(tmp_path / 'b.bin', edges)
    assert (tmp_path / 'b.bin').read_bytes() == (tmp_path / 'a.bin').read_bytes()


def test_bad_bins_are_named(tmp_path):
    with pytest.raises(ValueError, match='31 classes'):
        write_edge_bin(tmp_path / 'a.bin', np.zeros((32, 2, 2), np.uint8))
    write_edge_bin(tmp_path / 'a.bin', random_edges(0, 6))
    with pytest.raises(ValueError, match=r'a\.bin.*5 x 9.*40'):
        read_edge_bin(tmp_path / 'a.bin', 6, (5, 9))
    with pytest.raises(ValueError, match=r'a\.bin.*bit 5'):
        read_edge_bin(tmp_path / 'a.bin', 5, (5, 8))


def test_png_round_trip(tmp_path):
    edges = random_edges(0, 3)
    write_edge_pngs(tmp_path, 'city/x', edges)
    folder = PredictionFolder(tmp_path, 'abc')
    np.testing.assert_array_equal(read_edge_pngs(folder, 'city/x'), edges)


def test_scores_are_no_edges(tmp_path):
    for name in ('a', 'b'):
        write_edge_pngs(tmp_path, name, random_edges(0, 1, ignored=False))
    np.save(tmp_path / 'x.npy', np.full((1, 4, 4), 7, np.uint8))
    np.save(tmp_path / 'y.npy', np.ones((1, 4, 4), np.uint8))
    whole = tmp_path / 'whole'
    whole.mkdir()
    for name in ('x', 'y'):
        (tmp_path / f'{name}.npy').rename(whole / f'{name}.npy')
    folder = PredictionFolder(whole, 'a')
    assert read_edge_pngs(folder, 'y').all()  # 0 and 1
    with pytest.raises(ValueError, match='threshold'):
        read_edge_pngs(folder, 'x')
