"""The study of the widths: named rows, and how it resumes."""

import csv
import json


def test_rows_have_folders_of_their_own(script):
    module = script('edge_width')
    folder_name = script('kept_results').folder_name
    rows = [*module.EXACT, *module.DAMPED, *module.OPTIONS]
    assert len({folder_name(row.name) for row in rows}) == len(rows)
    assert module.FULL.nms == 10
    assert module.FULL.direction == 1
    assert module.Row('BCE') == module.PLAIN


def test_goes_on_where_it_was(run_script, script, tmp_path, monkeypatch):
    module = script('edge_width')
    monkeypatch.setattr(module, 'DAMPED', module.DAMPED[:1])
    trained = []

    def measured(row, jitter_px, seed, steps):
        trained.append((row.name, seed))
        measures = dict.fromkeys(module.MEASURES, 1.0)
        return dict(MF=50.0 + seed, AP=float('nan'), **measures)

    monkeypatch.setattr(module, 'train_and_measure', measured)
    words = ['--rows', 'damping', '--out', tmp_path, '--seeds']
    run_script('edge_width', *words, 0)
    run_script('edge_width', *words, 0, 1)
    assert trained == [(row.name, seed) for seed in (0, 1)
                       for row in (module.PLAIN, module.DAMPED[0])]  # fmt: skip
    with open(tmp_path / 'results.csv') as file:
        assert [row['seed'] for row in csv.DictReader(file)] == ['0', '1'] * 2
    assert '| exact | BCE | 50.5 ± 0.7 | nan |' in (tmp_path / 'results.md').read_text()


def test_a_training_of_few_steps(script):
    module = script('edge_width')
    found = module.train_and_measure(module.FULL, 0.0, seed=0, steps=1)
    assert set(found) == {'MF', 'AP', *module.MEASURES}
    assert json.loads(json.dumps(found)).keys() == found.keys()
    assert 0 <= found['MF'] <= 100
