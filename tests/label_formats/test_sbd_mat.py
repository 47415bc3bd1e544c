"""SBD's .mat files."""

from io import BytesIO

import numpy as np
import pytest
import scipy
from skimage.morphology import thin

from mmsteal.label_formats.sbd_mat import (
    blank_fields,
    encode_mat,
    read_mat,
    sbd_boundary,
    segmentation,
    stored_boundaries,
)

SHAPE = (20, 30)


def instances():
    """Two bottles (5) side by side, and a person (15)."""
    ids = np.zeros(SHAPE, int)
    ids[3:10, 2:9], ids[3:10, 9:15], ids[12:18, 4:25] = 1, 2, 3
    return ids, np.array([5, 5, 15], np.uint8)


def test_instances():
    ids, categories = instances()
    fields = {**blank_fields('inst', SHAPE, 3), 'Categories': categories[:, None]}
    content = encode_mat('a.mat', 'inst', fields, ids)
    np.testing.assert_array_equal(segmentation(content, 'inst'), ids)
    found = stored_boundaries(content, 'inst')
    assert found.shape == (20, *SHAPE)
    assert found.dtype == np.uint8
    bottles = sbd_boundary(ids == 1) | sbd_boundary(ids == 2)
    np.testing.assert_array_equal(found[4], thin(bottles))
    np.testing.assert_array_equal(found[14], thin(sbd_boundary(ids == 3)))
    assert not np.delete(found, [4, 14], axis=0).any()


def test_classes():
    ids, categories = instances()
    labels = np.array([0, *categories])[ids]
    content = encode_mat('a.mat', 'cls', blank_fields('cls', SHAPE, 20), labels)
    np.testing.assert_array_equal(segmentation(content, 'cls'), labels)
    found = stored_boundaries(content, 'cls')
    for index in range(20):
        mask = labels == index + 1
        expected = sbd_boundary(mask) if mask.any() else mask
        np.testing.assert_array_equal(found[index], expected)
    assert read_mat(content, 'cls')['CategoriesPresent'].ravel().tolist() == [5, 15]


def test_bad_files():
    buffer = BytesIO()
    scipy.io.savemat(buffer, {'other': 1})
    with pytest.raises(ValueError, match=r'variable `GTcls`, but found .*other'):
        read_mat(buffer.getvalue(), 'cls')
    fields = {**blank_fields('cls', SHAPE, 1), 'Segmentation': np.zeros((2, 3, 4), np.uint8)}
    buffer = BytesIO()
    scipy.io.savemat(buffer, {'GTcls': fields})
    with pytest.raises(ValueError, match='two dimensions'):
        read_mat(buffer.getvalue(), 'cls')
    with pytest.raises(ValueError, match=r'a\.mat: expected values from 0 to 255'):
        encode_mat('a.mat', 'cls', blank_fields('cls', SHAPE, 1), np.full(SHAPE, 300))
