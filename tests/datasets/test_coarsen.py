import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS

from mmsteal.datasets import CoarsenLabels
from mmsteal.functional import simulate_coarse_label_map, simulate_coarse_mask


def maps():
    """Two touching squares of class 0, one of class 1, background 2, some ignored."""
    labels = np.full((60, 80), 2, np.uint8)
    instances = np.zeros((60, 80), np.uint16)
    labels[10:40, 10:30] = labels[10:40, 30:50] = 0
    instances[10:40, 10:30], instances[10:40, 30:50] = 700, 9
    labels[20:55, 55:75] = 1
    instances[20:55, 55:75] = 9
    labels[:3] = 255
    return labels, instances


def results(background=True, instances=True, path='/data/a.png'):
    labels, ids = maps()
    if not background:
        labels[labels == 2] = 255
    data = dict(img_path=path, gt_seg_map=labels, num_classes=2)
    data['value_map'] = {0: 0, 1: 1, 255: 255, **({7: 2} if background else {})}
    if instances:
        data['gt_instance_map'] = ids
    return data


def test_without_instances_it_is_the_function():
    out = CoarsenLabels(6)(results(instances=False))
    expected = simulate_coarse_label_map(maps()[0], 6, background=2)
    np.testing.assert_array_equal(out['gt_seg_map'], expected)
    assert out['gt_seg_map'].dtype == np.uint8


def test_each_instance_is_outlined_by_itself():
    labels, ids = maps()
    out = CoarsenLabels(6)(results())
    assert out['gt_instance_map'].dtype == np.uint16
    for value, instance in ((0, 700), (0, 9), (1, 9)):
        expected, _ = simulate_coarse_mask((labels == value) & (ids == instance), 6)
        found = (out['gt_seg_map'] == value) & (out['gt_instance_map'] == instance)
        np.testing.assert_array_equal(found, expected)
    # Between the two squares of one class there is background now, which they did not have.
    assert out['gt_seg_map'][25, 30] == 2
    assert out['gt_instance_map'][25, 30] == 0
    assert (out['gt_seg_map'][:3] == 255).all()


def test_uncovered_pixels_are_ignored_where_there_is_no_background():
    out = CoarsenLabels(6)(results(background=False))
    assert set(np.unique(out['gt_seg_map'])) == {0, 1, 255}
    assert out['gt_seg_map'][25, 30] == 255


def test_background_of_other_datasets():
    data = dict(gt_seg_map=np.where(maps()[0] == 0, 1, 0).astype(np.uint8))
    out = CoarsenLabels(6, background=0)(data)['gt_seg_map']
    assert set(np.unique(out)) == {0, 1}


def test_zero_error_changes_nothing_but_ids_of_the_background():
    out = CoarsenLabels(0)(results())
    for found, given in zip((out['gt_seg_map'], out['gt_instance_map']), maps(), strict=True):
        np.testing.assert_array_equal(found, given)


def test_a_range_of_errors_is_drawn_by_name_and_seed():
    def coarse(path, **kwargs):
        return CoarsenLabels((2, 12), **kwargs)(results(path=path))['gt_seg_map']

    first = coarse('/data/a.png')
    np.testing.assert_array_equal(first, coarse('/elsewhere/a.png'))
    assert not np.array_equal(first, coarse('/data/b.png'))
    assert not np.array_equal(first, coarse('/data/a.png', seed=1))


def test_aligned_labels_and_missing_labels_pass():
    data = dict(results(), labels_aligned=True)
    assert CoarsenLabels(6)(data)['gt_seg_map'] is data['gt_seg_map']
    assert CoarsenLabels(6)(dict(img_path='a.png')) == dict(img_path='a.png')


def test_it_is_registered():
    init_default_scope('mmseg')
    step = TRANSFORMS.build(dict(type='CoarsenLabels', error_px=8))
    assert 'error_px=(8, 8)' in repr(step)


@pytest.mark.parametrize('error_px', [-1, float('inf'), (3, 2), (1, 2, 3), (-1, 2)])
def test_exception_error(error_px):
    with pytest.raises(ValueError, match='error_px'):
        CoarsenLabels(error_px)
