"""A run in processes of its own, as a person or a cluster stops it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import REPO
from tests.faults.file_operations import leftovers
from tests.refinement.folders import contents, write_set

pytestmark = pytest.mark.slow

NUMBER = 24


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp('data'), NUMBER, (240, 320))


def words(data, out):
    given = [
        sys.executable, '-m', 'mmsteal', 'refine', '--format', 'png', '--labels', data / 'labels',
        '--images', data / 'images', '--format-options', 'background=0', 'classes.disk=7',
        'classes.bar=9', 'classes.sky=11', '--edges', data / 'edges', '--error-px', '6',
        '--workers', '1', '--out', out,
    ]  # fmt: skip
    return [str(word) for word in given]


def start(data, out, **options):
    return subprocess.Popen(
        words(data, out), cwd=REPO, env={**os.environ, 'OMP_NUM_THREADS': '1'}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **options,
    )  # fmt: skip


def wait_for(number, out, run):
    deadline = time.monotonic() + 120
    while len(list(out.glob('reports/*.json'))) < number and time.monotonic() < deadline:
        assert run.poll() is None, run.communicate()
        time.sleep(0.002)


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    out = tmp_path_factory.mktemp('whole')
    run = start(data, out)
    assert run.wait() == 0, run.communicate()
    return contents(out)


@pytest.mark.parametrize(
    ('number', 'to_all'), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGINT, True)]
)
def test_stopped_and_run_again(data, whole, tmp_path, number, to_all):
    """The process, or all of its group, as slurm and a terminal do."""
    out = tmp_path / 'out'
    run = start(data, out)
    wait_for(3, out, run)
    (os.killpg if to_all else os.kill)(run.pid, number)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 128 + number
    assert 'Traceback' not in told
    word = 'terminated' if number == signal.SIGTERM else 'interrupted'
    assert f'{word}; the same command resumes' in told
    assert len(list(out.glob('reports/*.json'))) < NUMBER
    again = start(data, out)
    assert again.wait() == 0, again.communicate()
    assert contents(out) == whole
    assert leftovers(out) == []


def test_a_second_run_in_the_folder_is_refused(data, whole, tmp_path):
    out = tmp_path / 'out'
    run = start(data, out)
    wait_for(1, out, run)
    os.killpg(run.pid, signal.SIGSTOP)  # it would be done too early
    second = start(data, out)
    _, told = second.communicate(timeout=120)
    os.killpg(run.pid, signal.SIGCONT)
    assert second.returncode == 1
    assert 'Expected no other run' in told
    assert 'Traceback' not in told
    assert run.wait() == 0
    assert contents(out) == whole
