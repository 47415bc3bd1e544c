"""One run at a time in a folder."""

import os
import signal

import pytest

from mmsteal.files import whole_file
from mmsteal.jobs import OutputError, one_run


def test_a_second_run_is_refused(tmp_path):
    with one_run(tmp_path / 'out'), one_run(tmp_path / 'other'):
        with pytest.raises(OutputError, match=r'no other run in .*out'), one_run(tmp_path / 'out'):
            pass
        (tmp_path / 'out/link').symlink_to(tmp_path / 'out')
    with one_run(tmp_path / 'out'):
        pass
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['link']


def test_a_run_that_was_killed_keeps_nobody_out(tmp_path):
    """Also where a process that it forked lives on."""
    ready, tell_ready = os.pipe()
    wait, tell_end = os.pipe()
    run = os.fork()
    if not run:
        os.close(tell_end)  # the end of the test ends those that wait for it
        with one_run(tmp_path), whole_file(tmp_path / 'a') as partial:
            partial.write_bytes(b'half')
            if os.fork():
                os.write(tell_ready, b'.')
            os.read(wait, 1)
            os._exit(0)
    assert os.read(ready, 1)
    with pytest.raises(OutputError), one_run(tmp_path):
        pass
    os.kill(run, signal.SIGKILL)
    os.waitpid(run, 0)
    with one_run(tmp_path):
        pass
    for descriptor in (ready, tell_ready, wait, tell_end):
        os.close(descriptor)


def test_leftovers_are_removed(tmp_path):
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels/.a.png.12ab34cd.part').touch()
    with one_run(tmp_path):
        assert not list((tmp_path / 'labels').iterdir())


def test_no_folder(tmp_path):
    (tmp_path / 'out').touch()
    with pytest.raises(OutputError, match='Cannot write to'), one_run(tmp_path / 'out'):
        pass
