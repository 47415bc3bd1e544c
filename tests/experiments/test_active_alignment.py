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


def test_gains_are_taken_seed_by_seed(script, tmp_path):
    """The spread of the gains is not that of the scores."""
    module = script('active_alignment')

    def row(seed, method, mf, ap):
        return dict(error='systematic', noise_px=4.0, method=method, seed=seed, MF=mf, AP=ap,
                    px=1.0, IoU=0.9, lost=0, px_given=2.0, IoU_given=0.8)  # fmt: skip

    rows = [row(0, 'none', 10.0, 5.0), row(0, 'batch', 12.0, 5.5), row(1, 'none', 30.0, 9.0),
            row(1, 'batch', 34.0, 9.5), row(2, 'dataset', 1.0, 1.0)]  # fmt: skip
    module.write_tables(tmp_path, rows)
    lines = (tmp_path / 'results.md').read_text().splitlines()
    assert lines[2].split(' | ')[3:7] == ['20.0 ± 14.1', '7.0 ± 2.8', '', '']
    assert lines[3].split(' | ')[3:7] == ['23.0 ± 15.6', '7.5 ± 2.8', '3.0 ± 1.4', '0.5 ± 0.0']
    # without the run that it branched off nothing can be said
    assert lines[4].split(' | ')[5:7] == ['', '']
    assert lines[-1] == 'Given labels, systematic errors of at most 4 px: 2.00 px, IoU 0.800'
    assert len({line.count('|') for line in lines[:5]}) == 1
