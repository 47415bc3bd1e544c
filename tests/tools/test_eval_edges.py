"""tools/eval_edges.py and the converters, as a person runs them."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mmsteal.edge_files import write_prediction
from tests.conftest import REPO
from tests.datasets.folders import write_folder, write_sbd


@pytest.fixture
def tool(monkeypatch):
    """Run a tool in this process: importing the stack anew takes seconds."""

    def call(script, *arguments):
        spec = importlib.util.spec_from_file_location('tool', REPO / 'tools' / script)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [script, *map(str, arguments)])
        module.main()

    return call


def results(out):
    return json.loads((out / 'results.json').read_text())


def only_class(out, max_dist=0):
    (method,) = results(out)['methods']
    (scores,) = method['scores'][max_dist]['classes']
    return scores


@pytest.fixture
def project(tmp_path):
    """Labels 0 (no class), 1, 2 and predictions of two classes."""
    names = [f'{i:03d}' for i in range(12)]
    write_folder(tmp_path, names=names, instances=True)
    rng = np.random.default_rng(0)
    for name in names:
        write_prediction(tmp_path / 'pred', name, rng.random((2, 24, 32)))
    return tmp_path


def arguments(project, out, *more):
    return (
        '--data', 'folder', project / 'labels', '--names', 'left', 'right', '--background', '0',
        '--pred', f'mine={project / "pred"}', '--out', project / out, '--max-dist', '0.02', *more,
    )  # fmt: skip


def test_workers_give_the_same_bytes(project, tool, capsys):
    for workers in (1, 2, 8):
        tool('eval_edges.py', *arguments(project, f'out{workers}', '--workers', workers))
    for file in ('results.json', 'results.csv', 'per_image.csv', 'pr/mean.png'):
        assert len({(project / f'out{w}' / file).read_bytes() for w in (1, 2, 8)}) == 1
    printed = capsys.readouterr().out
    assert 'custom, thin, maxDist 0.02, not instance-sensitive, 99 thresholds' in printed
    assert '| mean' in printed
    assert 'worst images' in printed


def test_killed_run_goes_on(project, tool, capsys):
    names = [f'{i:03d}' for i in range(12)]
    rng = np.random.default_rng(0)
    labels = np.zeros((700, 700), np.uint8)
    labels[100:600, 100:350], labels[100:600, 350:600] = 1, 2
    for name in names:
        write_prediction(project / 'pred', name, rng.random((2, 700, 700)))
        Image.fromarray(labels).save(project / f'labels/{name}.png')
    # Few thresholds: long enough to be killed, short enough for a test.
    options = arguments(project, 'out', '--thresholds', 5, '--workers', 1, '--no-plots')
    command = [sys.executable, str(REPO / 'tools/eval_edges.py'), *map(str, options)]
    run = subprocess.Popen(
        command, cwd=REPO, env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    counts = project / 'out/counts/mine'
    while run.poll() is None and len(list(counts.glob('[0-9]*.npz'))) < 2:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not (project / 'out/results.json').exists()
    number = len(list(counts.glob('[0-9]*.npz')))
    assert 2 <= number < 12
    tool('eval_edges.py', *options)
    assert f'counts of {number} images were there' in capsys.readouterr().out
    tool('eval_edges.py', *arguments(project, 'whole', '--thresholds', 5, '--no-plots'))
    assert (project / 'out/results.json').read_bytes() == (
        project / 'whole/results.json'
    ).read_bytes()


def test_several_methods_tolerances_and_some_images(project, tool):
    write_prediction(project / 'other', '003', np.zeros((2, 24, 32)))
    write_prediction(project / 'other', '005', np.zeros((2, 24, 32)))
    (project / 'some.txt').write_text('005\n003\n')
    more = ('--pred', project / 'other', '--list', project / 'some.txt', '--mode', 'raw', '--nms',
            '--instances', project / 'instances', '--instance-sensitive', '--classes', '2',
            '--margin', '1', '2', '1', '1', '--max-dist', '0.02', '0.05')  # fmt: skip
    tool('eval_edges.py', *arguments(project, 'out', *more))
    found = results(project / 'out')
    assert [m['name'] for m in found['methods']] == ['mine', 'other']
    assert found['num_images'] == 2
    assert found['classes'] == ['right']
    assert found['max_dists'] == [0.02, 0.05]
    assert found['protocol']['margin'] == [1, 2, 1, 1]
    assert found['protocol']['test_nms'] is True


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (('--classes', 'bus'), 'bus'),
        (('--protocol', 'sbd', '--mode', 'raw'), "mode of 'sbd'"),
        (('--margin', '1', '2'), 'margin'),
        (('--instance-sensitive',), '--instances'),
        (('--pred', 'mine=x'), 'mine twice'),
        (('--pred', 'no/such/folder'), 'no/such/folder'),
        (('--protocol', 'seal'), 'stored'),
    ],
)
def test_mistakes_are_named(project, tool, more, message):
    with pytest.raises(SystemExit, match=message):
        tool('eval_edges.py', *arguments(project, 'out', *more))


def test_missing_prediction_is_an_error_or_empty_with_a_warning(project, tool, capsys):
    (project / 'pred/class_002/004.png').unlink()
    with pytest.raises(SystemExit, match=r'image 004, class 2 \(right\)'):
        tool('eval_edges.py', *arguments(project, 'out'))
    tool('eval_edges.py', *arguments(project, 'out', '--missing', 'empty'))
    assert 'WARNING: 1 missing files counted as empty' in capsys.readouterr().out
    assert results(project / 'out')['methods'][0]['missing_counted_as_empty'] == [
        '004, class 2 (right)'
    ]


@pytest.mark.parametrize('file_format', ['png', 'bin'])
@pytest.mark.parametrize('mode', ['thin', 'raw'])
def test_written_ground_truth_gives_the_same_score(project, tool, file_format, mode):
    data = ('--data', 'folder', project / 'labels', '--names', 'left', 'right',
            '--background', '0', '--mode', mode)  # fmt: skip
    tool('dataset_converters/write_edge_labels.py', project / 'gt', '--format', file_format, *data)
    tool('eval_edges.py', *arguments(project, 'direct', '--mode', mode, '--no-plots'))
    tool(
        'eval_edges.py', '--data', 'edges', project / 'gt', '--names', 'left', 'right',
        '--pred', f'mine={project / "pred"}', '--out', project / 'files', '--max-dist', '0.02',
        '--mode', mode, '--no-plots',
    )  # fmt: skip
    direct, files = (results(project / out)['methods'][0]['scores'] for out in ('direct', 'files'))
    assert direct == files


def test_sbd_ground_truth_and_bins_there_and_back(tmp_path, tool):
    root = write_sbd(tmp_path / 'sbd')
    tool(
        'dataset_converters/write_edge_labels.py', tmp_path / 'bin', '--format', 'bin',
        '--data', 'sbd', root, '--split', 'train',
    )  # fmt: skip
    words = np.fromfile(tmp_path / 'bin/2008_1.bin', '<u4').reshape(24, 32)
    assert (words[4, 4:28] == 1 << 14).all()
    assert np.count_nonzero(words) == 24
    names = [f'c{k}' for k in range(20)]
    convert = 'dataset_converters/convert_edge_bins.py'
    tool(convert, tmp_path / 'bin', tmp_path / 'png', '--images', root / 'img', '--names', *names)
    tool(convert, tmp_path / 'png', tmp_path / 'again', '--names', *names)
    tool(convert, tmp_path / 'bin', tmp_path / 'sized', '--size', 24, 32, '--names', *names)
    for name in ('2008_1', '2008_2', '2008_3'):
        assert (tmp_path / f'again/{name}.bin').read_bytes() == (
            tmp_path / f'bin/{name}.bin'
        ).read_bytes()
        assert (tmp_path / f'sized/class_015/{name}.png').read_bytes() == (
            tmp_path / f'png/class_015/{name}.png'
        ).read_bytes()
    with pytest.raises(SystemExit, match='--images or --size'):
        tool(convert, tmp_path / 'bin', tmp_path / 'x', '--names', *names)
    with pytest.raises(SystemExit, match='24 x 31'):
        tool(convert, tmp_path / 'bin', tmp_path / 'x', '--size', 24, 31, '--names', *names)


@pytest.mark.shared_data
def test_sbd_bench(shared_data, tmp_path, tool):
    """The benchmark's own example and result: nine numbers, and the sums of 198 rows."""
    root = shared_data / 'sbd/SBD_bench'
    tool(
        'eval_edges.py', '--data', 'sbd', root / 'datadir', '--classes', 'person',
        '--pred', root / 'indir', '--out', tmp_path,
    )  # fmt: skip
    scores = only_class(tmp_path)
    assert scores['ods_f'] == pytest.approx(0.642639, abs=6e-7)
    assert scores['ois_f'] == pytest.approx(0.668263, abs=6e-7)
    # threshold R P F of ODS, R P F of OIS; AP of this MATLAB keeps the last of equal recalls
    expected = np.loadtxt(root / 'outdir/eval_bdry.txt')
    keys = ['ods_threshold', 'ods_recall', 'ods_precision', 'ods_f', 'ois_recall', 'ois_precision',
            'ois_f', 'ap', 'max_precision_ap']  # fmt: skip
    np.testing.assert_allclose([scores[k] for k in keys], expected, atol=5e-4)
    for name in ('2008_000051', '2008_000195'):
        matlab = np.loadtxt(root / f'outdir/{name}_ev1.txt')[:, 1:]
        counts = np.load(tmp_path / f'counts/indir/{name}.npz')['counts'][0, 0]
        np.testing.assert_array_equal(counts[:, [1, 3]], matlab[:, [1, 3]])
        more = counts[:, 0] - matlab[:, 0]
        assert set(more.tolist()) <= {0, 1}
        assert more.sum() == {'2008_000051': 2, '2008_000195': 3}[name]


@pytest.mark.shared_data
def test_bsds_bench(shared_data, tmp_path, tool):
    root = shared_data / 'bsds500/bench_data'
    tool(
        'eval_edges.py', '--data', 'bsds', root, '--pred', root / 'png', '--out', tmp_path,
        '--thresholds', 5, '--no-plots',
    )  # fmt: skip
    scores = only_class(tmp_path)
    expected = np.loadtxt(root / 'test_2/eval_bdry.txt')
    keys = ['ods_recall', 'ods_precision', 'ods_f', 'ois_recall', 'ois_precision', 'ois_f', 'ap']
    np.testing.assert_allclose([scores[k] for k in keys], expected[1:], atol=1e-3)


@pytest.mark.shared_data
def test_hed_on_bsds(shared_data, tmp_path, tool):
    root = shared_data / 'bsds500/test_hed'
    tool(
        'eval_edges.py', '--data', 'bsds', root, '--pred', root / 'hed_nms_png',
        '--out', tmp_path, '--no-plots',
    )  # fmt: skip
    stored = np.loadtxt(root / 'hed_eval_python_port/DERIVED_agg20_from_ev1.txt')
    scores = only_class(tmp_path)
    found = [scores[k] for k in ('ods_threshold', 'ods_recall', 'ods_precision', 'ods_f')]
    np.testing.assert_allclose(found[3], stored[3], atol=1e-3)
    np.testing.assert_allclose(found, stored, atol=2e-3)


@pytest.mark.shared_data
def test_cityscapes_half_size(shared_data, tmp_path, tool):
    """A full-size prediction of road by another method, against a port of the benchmark.

    The port's results changed between its versions, so this only keeps the two near.
    """
    root = shared_data / 'cityscapes/py_edge_eval_cityscapes_test'
    tool(
        'eval_edges.py', '--data', 'cityscapes', root, '--classes', 'road',
        '--pred', root / 'dff_results', '--out', tmp_path, '--no-plots',
    )  # fmt: skip
    stored = np.loadtxt(root / 'dff_results/pyEdgeEval/class_001/eval_bdry.txt')
    assert only_class(tmp_path)['ods_f'] == pytest.approx(stored[3], abs=5e-3)
