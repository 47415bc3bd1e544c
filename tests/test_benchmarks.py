"""The speed table: rows and targets, records, one command over all benchmarks, quick runs."""

import csv
import importlib.util
import json
from types import SimpleNamespace

import cv2
import pytest
import torch

from tests.conftest import REPO

FOLDER = REPO / 'benchmarks'


@pytest.fixture
def bench(monkeypatch):
    """Imports a script of benchmarks/ as the scripts import each other; threads are put back."""
    monkeypatch.syspath_prepend(str(FOLDER))
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield importlib.import_module
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


@pytest.fixture
def measurement(bench):
    return bench('measurement')


def test_targets(measurement):
    row, target = measurement.Row, measurement.Target
    fast = row('a', 2.0, 'b', 100.0, targets=[target('speed-up', 50), target('time', 2)])
    assert fast.ratio == 50
    assert fast.met is True
    assert row('a', 2.0, 'b', 99.0, targets=fast.targets).met is False
    longer = row('a', 110.0, 'b', 100.0, 'overhead', targets=[target('overhead', 0.1)])
    assert longer.ratio == pytest.approx(1.1)
    assert longer.met is True
    assert row('a', 111.0, 'b', 100.0, 'overhead', targets=longer.targets).met is False
    small = [target('peak', 10)]
    assert row('a', 1.0, targets=small, peak_mib=10.0).met is True
    assert row('a', 1.0, targets=small, peak_mib=11.0).met is False
    # a peak that is not known is no peak that fits, and a wrong result meets no target
    assert row('a', 1.0, targets=small).met is None
    assert row('a', 1.0, targets=[target('time', 2)], error='wrong').met is False
    assert row('a', 1.0).met is None


def test_table(measurement):
    row, target = measurement.Row, measurement.Target
    rows = [
        row('a|b', 0.5, 'other', 600.0, targets=[target('speed-up', 60)], peak_mib=12.3),
        row('c', 1046.0, 'a', 1000.0, 'overhead', targets=[target('overhead', 0.01)]),
        row('d', error='broken', note='why'),
    ]
    lines = measurement.table(rows).splitlines()
    assert lines[2] == '| a/b | 0.5 ms | other | 600 ms | 1200 x | ≥ 60 x | yes | 12 MiB |  |'
    assert lines[3] == '| c | 1.05 s | a | 1 s | +4.6 % | ≤ +1 % | **no** |  |  |'
    assert lines[4].endswith('| **failed**: broken; why |')


@pytest.mark.parametrize(
    ('milliseconds', 'text'),
    [(0.1234, '0.123 ms'), (179e3, '179 s'), (498e3, '8.3 min'), (4 * 3600e3, '4 h'), (None, '')],
)
def test_time_text(measurement, milliseconds, text):
    assert measurement.time_text(milliseconds) == text


def test_median_of_calls_in_turn(measurement):
    calls = []
    measurement.median_ms_in_turn(
        {'a': lambda x: calls.append(('a', x)), 'b': lambda x: calls.append(('b', x))},
        2,
        prepare=lambda: (len(calls),),
    )
    assert [name for name, _ in calls] == ['b', 'a', 'a', 'b', 'b', 'a']  # the first two warm up
    assert [x for _, x in calls] == list(range(6))


def test_peak_memory_sees_what_a_call_needs(measurement):
    peak = measurement.peak_mib(lambda: (b'x' * (64 * 2**20)).count(1))
    if peak is None:
        pytest.skip('this system does not tell')
    assert 60 < peak < 80


def test_a_script_tells_its_own_peak(measurement, tmp_path):
    script = tmp_path / 'script.py'
    script.write_text('import sys\n(b"x" * (int(sys.argv[1]) * 2**20)).count(1)\n')
    (_, small), (seconds, large) = (measurement.script_cost(script, n) for n in ('1', '200'))
    assert 150 < large - small < 250
    assert seconds > 0


def record(measurement, path, argv=()):
    """Runs three cases; returns how often each has run since."""
    ran = []

    def case(name, fails=False):
        def rows():
            ran.append(name)
            if fails and len(argv) == 2:
                raise ValueError('no such thing\nmore')
            yield measurement.Row(name, 1.0)

        return rows

    def cases(args):
        return {'a': case('a'), 'b': case('b', fails=True), 'c': case('c')}

    parser = measurement.make_parser('')
    parser.add_argument('--size', type=int, default=100)
    code = 0
    try:
        measurement.run(cases, parser, ['--rows', str(path), *argv], size=7)
    except SystemExit as stop:
        code = stop.code
    return ran, code


def test_a_failing_case_is_a_row_and_is_run_again(measurement, tmp_path, capsys):
    path = tmp_path / 'rows.json'
    assert record(measurement, path, ['--size', '3']) == (['a', 'b', 'c'], 1)
    printed = capsys.readouterr()
    assert '**failed**: ValueError: no such thing' in printed.out
    assert 'Traceback' in printed.err
    assert record(measurement, path, ['--size=3']) == (['b'], 0)
    assert record(measurement, path, ['--size=3']) == ([], 0)
    cases = json.loads(path.read_text())['cases']
    assert [r['name'] for case in cases.values() for r in case['rows']] == ['a', 'b', 'c']


def test_rows_of_other_options_are_not_mixed(measurement, tmp_path):
    path = tmp_path / 'rows.json'
    record(measurement, path, ['--size=3'])
    before = path.read_text()
    ran, code = record(measurement, path, ['--quick'])
    assert not ran
    assert "'size': '7'" in code
    assert "'size': '3'" in code
    assert path.read_text() == before


FAKES = {
    'good.py': """
import sys
from pathlib import Path
from measurement import Row, make_parser, run
def case(name):
    def rows():
        with (Path(__file__).parent / 'ran').open('a') as stream:
            print(name, file=stream)
        if name == 'second' and not (Path(__file__).parent / 'mended').exists():
            sys.exit(5)  # as if it were killed: nobody catches it
        return [Row(name, 2.0, 'other', 6.0)]
    return rows
run(lambda args: {name: case(name) for name in ('first', 'second')}, make_parser(''))
""",
    'broken.py': "raise ImportError('no module named so')\n",
}


def test_one_command(bench, tmp_path, monkeypatch, capsys):
    run_all = bench('run_all')
    for name, text in FAKES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv('PYTHONPATH', str(FOLDER))
    monkeypatch.setattr(run_all, 'HERE', tmp_path)
    fakes = {'broken': ('broken.py', ('cpu',)), 'good': ('good.py', ('cpu',))}
    monkeypatch.setattr(run_all, 'BENCHMARKS', fakes)
    out = tmp_path / 'out'
    argv = ['--device', 'cpu', '--out', str(out)]
    with pytest.raises(SystemExit, match='2 of 3 rows failed'):
        run_all.main(argv)
    printed = capsys.readouterr().out
    assert printed == (out / 'speed.md').read_text() + '\n'
    assert 'ImportError: no module named so' in printed
    assert '| first | 2 ms | other | 6 ms | 3 x |' in printed
    assert 'good |  |  |  |  |  |  |  | **failed**: ended with status 5' in printed

    (tmp_path / 'mended').touch()
    run_all.main([*argv, '--only', 'good'])
    assert (tmp_path / 'ran').read_text().split() == ['first', 'second', 'second']
    with (out / 'speed.csv').open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r['what'], r['ratio'], r['error']) for r in rows] == [
        ('first', '3.0', ''),
        ('second', '3.0', ''),
    ]
    # rows of full and of small sizes do not belong in one table
    with pytest.raises(SystemExit, match='quick=True'):
        run_all.main([*argv, '--only', 'good', '--quick'])


def test_the_command_runs_a_benchmark(bench, tmp_path):
    bench('run_all').main(
        ['--quick', '--device', 'cpu', '--only', 'edges', '--fresh', '--out', str(tmp_path)]
    )
    with (tmp_path / 'speed.csv').open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 7
    assert all(float(row['ours_ms']) > 0 and not row['error'] for row in rows)


def test_nothing_to_run(bench, monkeypatch):
    run_all = bench('run_all')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(SystemExit, match='No CUDA device'):
        run_all.main(['--device', 'cuda'])


def test_every_benchmark_is_in_the_command(bench):
    scripts = {script for script, _ in bench('run_all').BENCHMARKS.values()}
    have_rows = {p.name for p in FOLDER.glob('bench_*.py') if 'measurement import' in p.read_text()}
    assert scripts == have_rows
    assert len(scripts) >= 10


QUICK = ('level_set', 'losses', 'training_step', 'loader', 'inference', 'dataset_alignment')


def quick_rows(bench, tmp_path, name, device):
    path = tmp_path / 'rows.json'
    bench(f'bench_{name}').main(['--quick', '--device', device, '--rows', str(path)])
    cases = json.loads(path.read_text())['cases']
    return [SimpleNamespace(**row) for case in cases.values() for row in case['rows']]


@pytest.mark.parametrize('name', QUICK)
def test_quick_on_a_cpu(bench, tmp_path, name):
    for row in quick_rows(bench, tmp_path, name, 'cpu'):
        assert row.ours_ms > 0
        assert not row.error


def test_quick_startup(bench, tmp_path, monkeypatch):
    """Each command is a process of seconds: only the refinement runs here, and that once."""
    startup = bench('bench_startup')
    measure, cost = startup.process_seconds, []

    def seconds(words):
        if '--edges' in words and not cost:
            cost.append(measure(words))
        return 1.0 if words[-1] == startup.importing(startup.TORCH)[-1] else 1.2

    monkeypatch.setattr(startup, 'process_seconds', seconds)
    rows = quick_rows(bench, tmp_path, 'startup', 'cpu')
    assert len(rows) == 6
    assert cost[0] > 0
    beside_torch = [row for row in rows if 'torch' in row.reference]
    assert len(beside_torch) == 5
    assert all(row.ours_ms == 1200 and row.reference_ms == 1000 for row in beside_torch)


def test_quick_annotator(bench, tmp_path):
    rows = quick_rows(bench, tmp_path, 'annotator', 'cpu')
    if importlib.util.find_spec('gradio') is None:
        assert [row.note for row in rows] == ['not measured: install gradio, then use --fresh']
    else:
        assert len(rows) == 6
        assert all(row.ours_ms > 0 for row in rows)


@pytest.mark.gpu
@pytest.mark.parametrize('name', QUICK)
def test_quick_on_a_gpu(bench, tmp_path, name):
    for row in quick_rows(bench, tmp_path, name, 'cuda'):
        assert row.ours_ms is None or row.ours_ms > 0
        assert not row.error
