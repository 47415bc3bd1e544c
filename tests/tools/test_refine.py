"""tools/refine.py, run, killed and shared out as a person does."""

import io
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pytest
import torch
from PIL import Image

from tests.conftest import REPO
from tests.refinement.folders import contents, write_set
from tests.tools.test_tools import command

pytestmark = pytest.mark.slow

NUMBER = 24


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Large enough to be interrupted."""
    return write_set(tmp_path_factory.mktemp('data'), NUMBER, (240, 320))


def words(data, out, *options):
    given = [
        '--format', 'png', '--labels', data / 'labels', '--images', data / 'images',
        '--format-options', 'background=0',
        'classes.disk=7', 'classes.bar=9', 'classes.sky=11', '--edges', data / 'edges',
        '--error-px', '6', '--out', out, *options,
    ]  # fmt: skip
    return [str(word) for word in given]


def here(*arguments):
    """Run the command in this process; its exit status and what it printed."""
    printed, threads = io.StringIO(), torch.get_num_threads()
    with (
        mock.patch.object(sys, 'argv', ['refine.py', *arguments]),
        redirect_stdout(printed),
        redirect_stderr(printed),
        pytest.raises(SystemExit) as left,
    ):
        runpy.run_path(str(REPO / 'tools/refine.py'), run_name='__main__')
    torch.set_num_threads(threads)
    return left.value.code, printed.getvalue()


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp('whole')
    status, printed = here(*words(data, out, '--workers', '0'))
    assert status == 0
    assert f'{NUMBER} of {NUMBER} images done' in printed
    assert 'edge maps: bar, disk' in printed
    assert 'left as they are: sky' in printed
    assert f'{NUMBER}/{NUMBER} images' in printed  # progress, as lines
    return contents(out)


def test_killed_and_run_again_is_as_if_never_killed(data, whole, tmp_path):
    out = tmp_path / 'out'
    arguments = words(data, out, '--workers', '1')
    process = subprocess.Popen(
        [sys.executable, str(REPO / 'tools/refine.py'), *arguments],
        env={**os.environ, 'OMP_NUM_THREADS': '1'}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(out.glob('reports/*.json'))) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = list(out.glob('reports/*.json'))
    assert 3 <= len(kept) < NUMBER
    assert not (out / 'report.json').exists()
    # the worker leaves with its parent
    time.sleep(0.5)
    at_rest = len(list(out.glob('reports/*.json')))
    time.sleep(0.5)
    assert len(list(out.glob('reports/*.json'))) == at_rest < NUMBER
    for path in (out / 'labels').glob('[!.]*.png'):
        Image.open(path).load()  # none is half there
    (out / 'labels/.0.png.1.part').write_bytes(b'half')  # as if killed while writing
    status, printed = here(*arguments[:-1], '0')
    assert status == 0
    assert f'{at_rest} of them by an earlier run' in printed
    assert contents(out) == whole


def test_two_ranks_share_the_images(data, whole, tmp_path):
    """A damaged label is told once, with exit status 1, and mending it ends in what one rank does.

    The second run is on one rank.
    """
    label = data / 'labels/5.png'
    good, stat = label.read_bytes(), label.stat()
    label.write_bytes(good[:80])
    options = words(data, tmp_path, '--workers', '0')
    two = command(
        'bash', REPO / 'tools/dist_refine.sh', 2, *options, PORT='29617', check=False
    )  # fmt: skip
    label.write_bytes(good)
    os.utime(label, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert two.returncode == 1
    assert f'{NUMBER - 1} of {NUMBER} images done' in two.stdout
    assert two.stderr.count('ERROR 5: ') == 1
    report = json.loads((tmp_path / 'report.json').read_text())
    assert list(report['errors']) == ['5']
    found = contents(tmp_path)
    assert {k: v for k, v in found.items() if 'report' not in k and k != 'contact_sheet.html'} == {
        k: v
        for k, v in whole.items()
        if 'report' not in k and k not in ('contact_sheet.html', 'labels/5.png')
    }
    status, printed = here(*options)
    assert status == 0
    assert f'{NUMBER - 1} of them by an earlier run' in printed
    assert contents(tmp_path) == whole


def test_a_wheel_has_torchrun_for_a_launcher(data, whole, tmp_path):
    options = words(data, tmp_path, '--workers', '0', '--launcher', 'pytorch')
    command(
        sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=29618',
        '-m', 'mmsteal', 'refine', *options,
    )  # fmt: skip
    assert contents(tmp_path) == whole


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--labels', 'no/such/folder'], 'no/such/folder'),
        (['--edges', 'no/such/edges'], 'no/such/edges'),
        (['--format-options', 'bakground=0'], 'bakground'),
        (['--engine', 'level_set', '--options', 'min_gian=1'], 'min_gian'),
        (['--options', 'min_gain=1'], 'JointOptions'),
        (['--class-map', '7=wheel'], 'wheel'),
        (['--class-map', 'no/such/file'], 'no/such/file'),
        (
            ['--class-map', 'disk=none', 'bar=none'],
            'Categories: disk, bar, sky. Edge maps: bar, disk',
        ),
        (['--scale', '0'], '`scale`'),
        (['--to-options', 'a=1'], '--to'),
        (['--launcher', 'pytorch'], 'dist_refine.sh'),
    ],
)
def test_mistakes_are_named(data, tmp_path, options, message):
    status, _ = here(*words(data, tmp_path / 'out', '--workers', '0', *options))
    assert message in str(status)
    assert not (tmp_path / 'out').exists()


def test_output_inside_of_the_labels(data):
    status, _ = here(*words(data, data / 'labels/refined', '--workers', '0'))
    assert 'apart from the labels' in str(status)
    assert not (data / 'labels/refined').exists()
