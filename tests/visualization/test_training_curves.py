"""Training curves from the log of mmengine."""

import io
import json

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from mmsteal.visualization.training_curves import plot_training_curves


@pytest.fixture
def scalars(tmp_path):
    file = tmp_path / 'scalars.json'
    lines = [{'lr': 0.1, 'loss': 5.0 / step, 'iter': step, 'step': step} for step in (1, 2, 3)]
    lines.insert(2, {'MF': 0.5, 'step': 2})
    lines.append({'loss': float('nan'), 'step': 4})
    file.write_text('\n'.join(json.dumps(line) for line in lines) + '\n\n')
    return file


def decode(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert('L'))


def test_smoke(scalars):
    backend = mpl.get_backend()
    one = decode(plot_training_curves(scalars, ['loss']))
    two = decode(plot_training_curves(scalars, [['loss', 'lr'], 'MF']))
    assert one.std() > 0
    assert two.shape[0] == one.shape[0]
    assert two.shape[1] == pytest.approx(2 * one.shape[1], abs=2)
    assert mpl.get_backend() == backend


def test_values_move_the_curve(scalars, tmp_path):
    other = tmp_path / 'other.json'
    other.write_text(scalars.read_text().replace('2.5', '4.5'))
    first, second = (decode(plot_training_curves(file, ['loss'])) for file in (scalars, other))
    assert (first != second).any()


@pytest.mark.parametrize('panels', [['los'], ['loss', ['MF', 'los']], [], [[]], ['step']])
def test_exception_names(scalars, panels):
    with pytest.raises(ValueError, match=r'`panels`.*loss.*lr'):
        plot_training_curves(scalars, panels)


@pytest.mark.parametrize('line', ['{"loss": 1.', '{"loss": 1.0}', '[1]', '3'])
def test_exception_line(scalars, line):
    scalars.write_text('{"loss": 1.0, "step": 1}\n' + line)
    with pytest.raises(ValueError, match=r'line 2 of .*scalars.json'):
        plot_training_curves(scalars, ['loss'])


def test_exception_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        plot_training_curves(tmp_path / 'none.json', ['loss'])
