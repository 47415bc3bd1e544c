"""The experiment of the alignment: its options, its comparison of labels, and its sweep."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

DISK = np.zeros((32, 32), np.int32)
DISK[8:24, 8:24] = 1


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--begin', '450'], 'a multiple of 100'),
        (['--begin', '400', '--max-iters', '400'], r'below --max-iters \(400\)'),
        (['--errors', 'sytematic'], 'invalid choice'),
        (['--methods', 'datset'], 'invalid choice'),
        (['--errors', 'random', '--data-root', '.'], 'need the demo set'),
    ],
)
def test_options_out_of_range(run_script, capsys, words, message):
    with pytest.raises(SystemExit):
        run_script('active_alignment', *words)
    assert re.search(message, capsys.readouterr().err)


def test_options_of_align_win(script):
    args = SimpleNamespace(align=dict(max_displacement_px=3.0, lam=1.0))
    options = script('active_alignment').standard_options(args, 'systematic', 8.0)
    assert (options['max_displacement_px'], options['lam'], options['balloon']) == (3.0, 1.0, 1.0)


def test_labels_are_compared_by_name(script):
    error_of = script('active_alignment').error_of
    exact = SimpleNamespace(given=lambda: iter([('a', DISK), ('b', DISK)]))
    assert error_of(exact, [('a', DISK)]).px == 0  # the first ones of a set
    for labels in ([('b', DISK)], [('a', DISK), ('b', DISK), ('c', DISK)]):
        with pytest.raises(ValueError, match='Expected the labels of'):
            error_of(exact, labels)


def test_sweep_needs_the_runs(run_script, tmp_path):
    with pytest.raises(SystemExit, match=r'did not find: .*systematic_8px_seed0.*iter_400\.pth'):
        run_script('active_alignment', '--sweep', '--work-dir', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_sweep_goes_on_and_leaves_the_training_alone(run_script, script, tmp_path, monkeypatch):
    module = script('active_alignment')
    swept = []

    def found(args, error, noise_px, seed):
        swept.append(seed)
        return [dict(error=error, noise_px=noise_px, change='none', seed=seed, px=1.0, IoU=0.5)]

    monkeypatch.setattr(module, 'sweep', found)
    for seed in (0, 1):
        checkpoint = tmp_path / f'systematic_8px_seed{seed}' / 'none' / 'iter_400.pth'
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(bytes([seed]))
    (tmp_path / 'results.md').write_text('of the training')
    words = ['--sweep', '--work-dir', tmp_path, '--errors', 'systematic', '--noise-px', 8,
             '--num-train', 1, '--num-val', 1]  # fmt: skip
    run_script('active_alignment', *words, '--seeds', 0)
    run_script('active_alignment', *words, '--seeds', 0, 1)
    assert swept == [0, 1]
    assert (tmp_path / 'results.md').read_text() == 'of the training'
    assert '1.00 ± 0.00' in (tmp_path / 'sweep' / 'results.md').read_text()
    # other weights, other rows
    (tmp_path / 'systematic_8px_seed0' / 'none' / 'iter_400.pth').write_bytes(b'new')
    run_script('active_alignment', *words, '--seeds', 0)
    assert swept == [0, 1, 0]
    assert json.loads((tmp_path / 'sweep' / 'settings.json').read_text())['begin'] == 400
    with pytest.raises(SystemExit, match='sweep_images: 60 -> 5'):
        run_script('active_alignment', *words, '--sweep-images', 5, '--seeds', 0)
