"""From the arguments of `mmsteal eval` to a job."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from mmsteal.cli import evaluation_arguments
from mmsteal.cli.eval_edges import EvaluationRun, build_parser, run_from
from mmsteal.edge_files import write_prediction
from mmsteal.evaluation import PROTOCOLS, boundary_protocol
from mmsteal.file_evaluation.open_truth import KINDS
from tests.datasets.folders import write_folder


def test_names_are_those_of_the_library():
    assert evaluation_arguments.KINDS == KINDS
    assert tuple(PROTOCOLS) == evaluation_arguments.PROTOCOLS


def test_help_does_not_load_torch():
    script = (
        'import sys; from mmsteal.cli.eval_edges import build_parser; build_parser().format_help();'
        'assert not {"torch", "mmsteal.evaluation"} & set(sys.modules)'
    )
    stub = 'import sys, types; m = sys.modules["mmsteal"] = types.ModuleType("mmsteal");'
    path = str(evaluation_arguments.__file__).removesuffix('/cli/evaluation_arguments.py')
    run = subprocess.run(
        [sys.executable, '-c', f'{stub} m.__path__ = [{path!r}]; {script}'],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


@pytest.fixture
def words(tmp_path):
    write_folder(tmp_path, values=(0, 1, 2), names=('a', 'b'))
    for name in ('a', 'b'):
        write_prediction(tmp_path / 'pred', name, np.zeros((2, 24, 32)))
    return [
        '--data', 'folder', str(tmp_path / 'labels'), '--names', 'left', 'right',
        '--background', '0', '--pred', str(tmp_path / 'pred'), '--out', str(tmp_path / 'out'),
    ]  # fmt: skip


def test_a_job_is_built_and_checked_before_anything_runs(words, tmp_path):
    run = run_from(build_parser().parse_args([*words, '--workers', '3']))
    assert isinstance(run, EvaluationRun)
    assert (run.out_dir, run.plots, run.num_workers) == (tmp_path / 'out', True, 3)
    job = run.job
    assert list(job.predictions) == ['pred']
    assert job.image_names == ('a', 'b')
    assert job.class_names == ('left', 'right')
    assert job.protocol == boundary_protocol()
    assert job.max_dists == (0.0075,)
    with pytest.raises(FrozenInstanceError):
        job.missing = 'empty'
    (tmp_path / 'one.txt').write_text('b\n')
    more = [
        '--list', str(tmp_path / 'one.txt'), '--classes', '2', '--max-dist', '0.01', '0.02',
        '--label-maps', 'index', '--no-plots', '--missing', 'empty', '--margin', '1',
    ]  # fmt: skip
    words[words.index('--pred') + 1] = f'mine={tmp_path / "labels"}'
    run = run_from(build_parser().parse_args([*words, *more]))
    job = run.job
    assert (job.image_names, job.class_names, job.max_dists) == (('b',), ('right',), (0.01, 0.02))
    assert (job.label_values, job.missing, run.plots) == ('index', 'empty', False)
    assert job.protocol_of('mine').thresholds == (0.5,)
    assert not (tmp_path / 'out').exists()
