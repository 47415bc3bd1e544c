"""Tables of scores."""

import numpy as np
import pytest

from mmsteal.evaluation import boundary_protocol
from mmsteal.evaluation.score_report import class_scores


@pytest.mark.parametrize('thresholds', [(0.5,), 9])
def test_table_has_a_line_a_class_and_the_mean(rng, thresholds):
    protocol = boundary_protocol(thresholds=thresholds)
    matched, other = rng.integers(0, 50, (2, 4, 1, 3, protocol.num_thresholds))
    counts = np.stack([matched, matched + other, matched, matched + 5], axis=-1)
    counts[..., 1] = counts[..., :1, 1] + 50  # true pixels are the same at all thresholds
    counts[:, :, 2] = 0
    (found,) = class_scores(counts, ('car', 'traffic light', 'absent'), protocol, [0.01])
    lines = [line.split('|')[1:-1] for line in found.table().splitlines() if line[0] == '|']
    _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert [row[0] for row in rows] == ['car', 'traffic light', 'absent', 'mean']
    assert float(rows[3][1]) == pytest.approx(100 * found.mean.ods_f, abs=0.005)
