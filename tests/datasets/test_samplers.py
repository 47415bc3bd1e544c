import pickle
from itertools import islice

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmsteal.datasets import EdgeDataset, SeededInfiniteSampler
from tests.datasets.folders import write_folder


def take(sampler, count):
    return [(int(d), d.number) for d in islice(iter(sampler), count)]


def test_skip_goes_on_where_an_uninterrupted_run_would_be():
    whole = take(SeededInfiniteSampler(range(7), seed=3), 20)
    resumed = SeededInfiniteSampler(range(7), seed=3)
    resumed.skip(12)
    assert take(resumed, 8) == whole[12:]
    assert [number for _, number in whole] == list(range(20))


def test_ranks_share_the_draws(monkeypatch):
    whole = take(SeededInfiniteSampler(range(7), seed=3), 12)
    for rank in (0, 1):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        assert take(SeededInfiniteSampler(range(7), seed=3), 6) == whole[rank::2]


def test_draw_survives_the_way_to_a_worker():
    draw = next(iter(SeededInfiniteSampler(range(7), seed=3)))
    copy = pickle.loads(pickle.dumps(draw))
    assert (copy, copy.seed, copy.number) == (draw, 3, 0)


@pytest.mark.parametrize('num_workers', [0, 2])
def test_augmentation_follows_from_the_draw(tmp_path, num_workers):
    from torch.utils.data import DataLoader

    init_default_scope('mmseg')
    data = EdgeDataset(
        data_root=str(write_folder(tmp_path)),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadEdgeAnnotations'),
            dict(type='RandomCrop', crop_size=(8, 8)),
            dict(type='PhotoMetricDistortion'),
        ],
    )

    def images(start, count):
        sampler = SeededInfiniteSampler(data, seed=5)
        sampler.skip(start)
        loader = DataLoader(
            data, batch_size=None, sampler=sampler, num_workers=num_workers, collate_fn=lambda x: x
        )
        return [d['img'] for d in islice(loader, count)]

    np.random.seed(num_workers)  # noqa: NPY002
    whole, resumed = images(0, 8), images(3, 5)
    for a, b in zip(whole[3:], resumed, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[0], whole[2])
