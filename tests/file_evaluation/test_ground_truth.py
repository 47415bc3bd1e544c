import numpy as np
import pytest
import scipy.io
from PIL import Image

from mmsteal.edge_files import write_edge_bin, write_edge_pngs
from mmsteal.evaluation import boundary_protocol
from mmsteal.file_evaluation import open_ground_truth
from mmsteal.functional import label_map_to_edges
from tests.datasets.folders import SIZE, blocks, write_cityscapes, write_folder, write_sbd


def test_sbd(tmp_path):
    truth = open_ground_truth('sbd', write_sbd(tmp_path), split='train')
    assert truth.names == ['2008_1', '2008_2', '2008_3']
    assert truth.class_names[14] == 'person'
    stored = truth.load('2008_1', boundary_protocol('sbd'))
    assert stored.edges.sum() == stored.edges[14, 4].sum() == 24
    assert stored.interior[14].sum() == 16 * 24
    both = truth.load('2008_1', boundary_protocol('seal', instance_sensitive=True))
    assert both.edges[14].sum() == 48  # the boundaries of two instances
    raw = boundary_protocol('seal', 'raw')
    labels = np.full(SIZE, 20)
    labels[4:20, 4:28] = 14
    band = label_map_to_edges(labels, 20, radius=2, background=20) == 1
    np.testing.assert_array_equal(truth.load('2008_1', raw).edges, band)


def test_cityscapes(tmp_path):
    write_cityscapes(tmp_path)
    truth = open_ground_truth('cityscapes', tmp_path, split='train')
    name = 'aachen/aachen_000000_000019'
    assert truth.names == [name]
    protocol = boundary_protocol('cityscapes', scale=1)
    edges = truth.load(name, protocol).edges
    # "static" is void, but it is no car: the car's outline against it counts.
    labels = blocks((0, 13, 19)).astype(int)
    instances = np.zeros(SIZE, int)
    instances[12:] = 1
    instances[labels != 13] = 0
    expected = label_map_to_edges(
        labels, 19, radius=1, background=19, instance_map=instances, thin=True
    )
    np.testing.assert_array_equal(edges, expected == 1)
    car = open_ground_truth('cityscapes', tmp_path, split='train').class_names.index('car')
    assert edges[car, 12, 12:20].any()


def test_bsds(tmp_path):
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 2, (3, 5, 6)).astype(np.uint8)
    cells = np.empty((1, 3), object)
    for i, boundaries in enumerate(maps):
        cells[0, i] = dict(Segmentation=boundaries.astype(np.uint16), Boundaries=boundaries)
    folder = tmp_path / 'data/groundTruth/test'
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / '100.mat', dict(groundTruth=cells))
    for root in (tmp_path, tmp_path / 'data', folder):
        truth = open_ground_truth('bsds', root)
        assert truth.names == ['100']
        np.testing.assert_array_equal(
            truth.load('100', boundary_protocol('bsds')).edges[0], maps == 1
        )
    with pytest.raises(ValueError, match='stored=True'):
        truth.load('100', boundary_protocol('bsds', stored=False))


def test_folder(tmp_path):
    write_folder(tmp_path, values=(0, 1, 7), names=('a', 'b'), instances=True)
    options = dict(class_names=('x', 'y'), label_values=[1, 7], background=[0])
    truth = open_ground_truth(
        'folder', tmp_path / 'labels', instances=tmp_path / 'instances', **options
    )
    assert truth.names == ['a', 'b']
    labels = np.select([blocks((0, 1, 7)) == 0, blocks((0, 1, 7)) == 1], [2, 0], 1)
    for sensitive in (False, True):
        protocol = boundary_protocol(None, 'raw', instance_sensitive=sensitive)
        instances = np.repeat([0, 300], 12)[:, None] + np.zeros(SIZE, int) if sensitive else None
        expected = label_map_to_edges(labels, 2, radius=2, background=2, instance_map=instances)
        np.testing.assert_array_equal(truth.load('a', protocol).edges, expected == 1)
    np.testing.assert_array_equal(truth.map_labels(blocks((0, 1, 7)), 'x'), labels)
    with pytest.raises(ValueError, match='--instances'):
        open_ground_truth('folder', tmp_path / 'labels', **options).check(
            ['a'], boundary_protocol(instance_sensitive=True)
        )
    with pytest.raises(ValueError, match=r'x.png.*\[3\].*index'):
        truth.map_labels(np.array([[3]]), 'x.png')


def test_edge_files(tmp_path):
    edges = np.random.default_rng(0).integers(0, 2, (3, 5, 6)).astype(np.uint8)
    edges[:, 0, 0] = 255
    write_edge_pngs(tmp_path / 'png', 'city/a', edges)
    write_edge_bin(tmp_path / 'bin/city/a.bin', edges)
    protocol = boundary_protocol(stored=True)
    for kind in ('png', 'bin'):
        truth = open_ground_truth('edges', tmp_path / kind, class_names='abc')
        assert truth.names == ['city/a']
        truth.check(truth.names, protocol)
        image = truth.load('city/a', protocol, (5, 6))
        np.testing.assert_array_equal(image.edges, edges == 1)
        assert np.flatnonzero(image.ignored).tolist() == [0]
    half = boundary_protocol(stored=True, scale=0.5)
    np.testing.assert_array_equal(truth.load('city/a', half, (10, 12)).edges, edges == 1)
    with pytest.raises(ValueError, match='size'):
        truth.load('city/a', protocol)
    with pytest.raises(ValueError, match='stored=True'):
        truth.load('city/a', boundary_protocol(), (5, 6))
    with pytest.raises(ValueError, match='no-drop-interior'):
        truth.load('city/a', boundary_protocol('sbd'), (5, 6))
    with pytest.raises(ValueError, match='--label-maps index'):
        truth.map_labels(np.zeros((2, 2)), 'x')


def test_exception(tmp_path):
    with pytest.raises(ValueError, match='kind'):
        open_ground_truth('kitti', tmp_path)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        open_ground_truth('sbd', tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match=r'val\.txt'):
        open_ground_truth('sbd', tmp_path)
    with pytest.raises(FileNotFoundError, match='labelIds'):
        open_ground_truth('cityscapes', tmp_path)
    with pytest.raises(FileNotFoundError, match='mat'):
        open_ground_truth('bsds', tmp_path)
    with pytest.raises(ValueError, match='--names'):
        open_ground_truth('folder', tmp_path)
    truth = open_ground_truth('sbd', write_sbd(tmp_path), split='train')
    (tmp_path / 'inst/2008_2.mat').unlink()
    truth.check(truth.names, boundary_protocol('sbd'))
    with pytest.raises(FileNotFoundError, match=r'2008_2.*inst'):
        truth.check(truth.names, boundary_protocol('seal', instance_sensitive=True))


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ('image', 'kind', 'changes'),
    [
        ('029086', 'half_thin', {}),
        ('041517', 'half_thin', {}),
        ('055062', 'half_thin', {}),
        ('055062', 'half_thin', dict(instance_sensitive=False)),
        ('055062', 'thin', dict(scale=1)),
        ('055062', 'raw', dict(scale=1)),
    ],
)
def test_cityscapes_equals_published_ground_truth(shared_data, image, kind, changes):
    """All but 2 pixels of what an independent converter of the published rule wrote."""
    root = shared_data / 'cityscapes/py_edge_eval_cityscapes_test'
    truth = open_ground_truth('cityscapes', root)
    name = f'frankfurt/frankfurt_000001_{image}'
    assert name in truth.names
    protocol = boundary_protocol('cityscapes', kind.removeprefix('half_'), **changes)
    sensitive = 'is' if protocol.instance_sensitive else ''
    file = f'gtEval/val/{name}_gtProc_{kind}_{sensitive}edge.png'
    rgb = np.asarray(Image.open(root / file)).astype(np.uint32)
    bits = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    edges = truth.load(name, protocol).edges
    different = 0
    for k, edge in enumerate(edges):
        different += (edge != (bits >> np.uint32(k) & 1)).sum()
    assert different <= 2
    assert edges.sum() > 10000
