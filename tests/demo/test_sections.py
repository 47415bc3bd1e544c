"""Pictures and tables of the report of the demo."""

import io

import numpy as np
from PIL import Image

from mmsteal.datasets.demo_set import write_demo_set
from mmsteal.demo.pictures import grid_as_jpeg, labelled, read_png, surroundings
from mmsteal.demo.sections import repair_section
from mmsteal.functional import label_map_to_edges
from mmsteal.visualization.report import Figure, Table


def test_grid_of_panels():
    panels = {name: np.full((40, 60, 3), 100, np.uint8) for name in 'abcd'}
    picture = Image.open(io.BytesIO(grid_as_jpeg(panels, columns=3)))
    assert picture.size == (3 * 60 + 2 * 12, 2 * (40 + 34) + 12)
    pixels = np.asarray(picture).astype(int)
    assert abs(pixels[34 + 20, 30] - 100).max() < 4
    assert (pixels[-20:, 80:] > 250).all()  # no fifth and sixth panel


def test_surroundings_of_a_narrow_object():
    mask = np.zeros((200, 300), bool)
    mask[50:150, 140:150] = True
    rows, columns = surroundings(mask, 1.0)
    assert (rows.start, rows.stop) == (36, 164)
    assert columns.stop - columns.start >= 127
    mask[:] = True
    assert surroundings(mask) == (slice(0, 200), slice(0, 300))


def test_labels_are_tinted_and_exact_lines_white_where_known():
    image = np.zeros((40, 40, 3), np.uint8)
    labels = np.full((40, 40), -1, np.int32)
    labels[5:15, 5:15] = 0
    exact = np.full((40, 40), -1, np.int32)
    exact[20:36, 4:36] = 0
    exact[18:38, 20:40] = -2
    picture = labelled(image, labels, exact, width=80)
    assert picture.shape == (80, 80, 3)
    assert picture[20, 20].max() > 60
    white = (picture > 200).all(axis=2)
    assert white[38:42, 12:30].any()
    assert not white[:, 42:].any()


def test_repair_by_both_engines(tmp_path):
    write_demo_set(tmp_path, num_train=1, num_val=2, size=(96, 96), noise_px=4)
    edges = {}
    for path in sorted((tmp_path / 'images/val').iterdir()):
        labels, instances = (
            read_png(tmp_path / kind / 'val' / f'{path.stem}.png')
            for kind in ('labels', 'instances')
        )
        exact = label_map_to_edges(
            np.where(labels == 0, 5, labels - 1), 5, radius=1, instance_map=instances, background=5
        )
        edges[path.stem] = (exact == 1).astype(np.float32)
    table, figure = repair_section(edges, tmp_path).blocks[1:]
    assert isinstance(table, Table)
    assert isinstance(figure, Figure)
    assert [row[0] for row in table.rows] == [4, 8, 16, 32]
    for row in table.rows:
        values = dict(zip(table.header[1:], row[1:], strict=True))
        coarse = values['IoU, %: coarse']
        assert values['IoU, %: joint labelling'] > coarse
        assert values['IoU, %: level sets'] > coarse - 1
