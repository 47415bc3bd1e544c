"""How commands end when they are stopped, or the disk refuses."""

import errno
import importlib
import os
import signal

import pytest

from mmsteal.cli.command import command
from mmsteal.cli.dispatch import COMMANDS
from mmsteal.jobs import OutputError


def end_of(main, capsys):
    """Exit status or message, and what was printed besides."""
    with pytest.raises(SystemExit) as left:
        main([])
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize('name', COMMANDS)
@pytest.mark.parametrize(
    ('number', 'word'), [(signal.SIGINT, 'interrupted'), (signal.SIGTERM, 'terminated')]
)
def test_every_command_ends_with_a_line_and_the_usual_status(
    name, number, word, monkeypatch, capsys
):
    module = importlib.import_module(f'mmsteal.cli.{COMMANDS[name].module}')

    def stopped():
        os.kill(os.getpid(), number)
        raise AssertionError('it was not stopped')

    monkeypatch.setattr(module, 'build_parser', stopped)
    before = signal.getsignal(signal.SIGTERM)
    code, told = end_of(module.main, capsys)
    assert code == 128 + number
    (line,) = told.strip().splitlines()
    assert line.startswith(word)
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_backend_ends_while_it_serves(tmp_path, monkeypatch, capsys):
    module = importlib.import_module('mmsteal.cli.label_studio_backend')
    closed = []

    class Server:
        server_address = ('127.0.0.1', 1)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            closed.append(True)

        def serve_forever(self):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(module, 'open_server', lambda args: Server())
    with pytest.raises(SystemExit) as left:
        module.main(['--data-root', str(tmp_path)])
    assert left.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err.strip() == 'terminated'
    assert closed


def test_what_is_in_the_way_is_not_resumed(capsys):
    @command(again='the same command resumes')
    def main(argv=None):
        raise FileExistsError('out is no folder of ours: choose another one.')

    assert end_of(main, capsys)[0] == 'error: out is no folder of ours: choose another one.'


@pytest.mark.parametrize('name', COMMANDS)
@pytest.mark.parametrize(
    ('number', 'what'),
    [
        (errno.ENOSPC, 'No space left on device; make room'),
        (errno.EROFS, 'Read-only file system'),
        (errno.EISDIR, 'Is a directory'),
        (errno.ENOTDIR, 'Not a directory'),
    ],
)
def test_every_command_tells_what_the_disk_says_in_a_line(name, number, what, monkeypatch, capsys):
    module = importlib.import_module(f'mmsteal.cli.{COMMANDS[name].module}')

    def refuse():
        raise OSError(number, os.strerror(number), '/out/a')

    monkeypatch.setattr(module, 'build_parser', refuse)
    code, told = end_of(module.main, capsys)
    assert code.startswith(f'error: /out/a: {what}')
    assert len(code.splitlines()) == 1
    assert told == ''


def test_what_is_said_already_is_not_said_again(capsys):
    @command(again='the same command resumes')
    def main(argv):
        raise OutputError('Cannot write to out: full; make room, and the same command resumes.')

    code, _ = end_of(main, capsys)
    assert code.count('the same command resumes') == 1


def test_errors_of_the_program_keep_their_traceback():
    @command()
    def wrong(argv):
        raise KeyError('a')

    @command()
    def of_a_worker(argv):
        raise FileNotFoundError('Caught FileNotFoundError in worker process 0.\nTraceback: ...')

    for main, error in ((wrong, KeyError), (of_a_worker, FileNotFoundError)):
        with pytest.raises(error):
            main([])


def test_a_worker_that_was_told_first_is_no_error(capsys):
    """A signal to all processes of a group may break a worker before it reaches this one."""

    @command()
    def main(argv):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise RuntimeError('a worker was killed by signal: Terminated') from None

    code, told = end_of(main, capsys)
    assert (code, told.strip()) == (143, 'terminated')
