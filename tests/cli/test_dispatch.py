"""`mmsteal NAME`: one list of commands, each a module that is imported when it is asked for."""

import argparse
import importlib
import os
import re
import subprocess
import sys
import textwrap

import pytest

import mmsteal
from mmsteal.cli.dispatch import COMMANDS, main
from mmsteal.cli.format_arguments import FORMATS
from mmsteal.cli.user_errors import user_errors
from mmsteal.cli.worker_arguments import available_cores
from mmsteal.label_formats import LABEL_FORMATS
from tests.conftest import REPO

SCRIPTS = sorted((REPO / 'tools').rglob('*.py'))


def command_module(name):
    return importlib.import_module(f'mmsteal.cli.{COMMANDS[name].module}')


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_has_a_parser_of_its_name(name):
    parser = command_module(name).build_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    assert parser.prog == f'mmsteal {name}'
    assert parser.description
    assert callable(command_module(name).main)


def test_help_lists_all_in_one_line_each(capsys):
    main(['--help'])
    printed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert re.search(rf'^  {name} +{re.escape(command.summary)}$', printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 100
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert capsys.readouterr().err == printed


def test_version(capsys):
    main(['--version'])
    assert capsys.readouterr().out == f'mmsteal {mmsteal.__version__}\n'


@pytest.mark.parametrize(
    ('given', 'meant'),
    [
        ('trian', 'train'),
        ('print_config', 'print-config'),
        ('infer_edges.py', 'infer'),
        ('steal2mmsteal', 'convert-released'),
        ('xyzzy', None),
    ],
)
def test_unknown_command_gives_the_list_and_the_nearest(given, meant, capsys):
    with pytest.raises(SystemExit) as left:
        main([given])
    assert left.value.code == 2
    told = capsys.readouterr().err
    assert f'got {given!r}' in told
    assert all(f'  {name} ' in told for name in COMMANDS)
    assert (f'Did you mean `mmsteal {meant}`?' in told) if meant else ('Did you mean' not in told)


def test_arguments_reach_the_command(monkeypatch):
    calls = []
    monkeypatch.setattr(command_module('print-config'), 'main', calls.append)
    main(['print-config', 'a.py', '--save', 'b.py'])
    monkeypatch.setattr(sys, 'argv', ['mmsteal', 'print-config', 'c.py'])
    main()
    assert calls == [['a.py', '--save', 'b.py'], ['c.py']]


def test_help_of_a_command_is_its_own(capsys):
    with pytest.raises(SystemExit) as left:
        main(['train', '--help'])
    assert left.value.code == 0
    assert 'usage: mmsteal train ' in capsys.readouterr().out


@pytest.mark.parametrize(
    'words',
    [
        ['train', 'none.py'],
        ['train', 'mmsteal::steal_demo.py', '--data-root', 'none'],
        ['infer', 'none.jpg', 'out', '--config', 'none.py', '--checkpoint', 'none.pth'],
        ['infer', 'none.jpg', '--config', 'mmsteal::steal_demo.py', '--checkpoint', 'none.pth'],
        ['infer', 'none.jpg'],
        ['browse', 'mmsteal::steal_demo.py', 'out'],
        ['print-config', 'mmsteal::none.py'],
        ['convert-released', 'none.pt', 'out.pth'],
        ['convert-edge-bins', 'none', 'out', '--names', 'a'],
        ['convert-edge-labels', '--data', 'sbd', 'none', 'out'],
        ['eval', '--data', 'sbd', 'none', '--pred', 'none', '--out', 'out'],
        ['compare', 'none', 'none', '--format', 'png'],
        ['simulate', '--format', 'png', '--labels', 'none', '--error-px', '4', '--out', 'out'],
        ['label-studio', '--data-root', 'none', '--edges', 'none'],
    ],
    ids=' '.join,
)
def test_wrong_paths_are_told_in_a_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(words)
    assert re.match('error: Expected .*, but (there is n|it does not exist)', left.value.code)


@pytest.mark.parametrize(
    'words',
    [
        ['compare', 'none', 'none', '--format', 'png'],
        ['convert-edge-labels', '--data', 'sbd', 'none', 'out'],
    ],
    ids=lambda words: words[0],
)
def test_no_workers_is_an_error(words):
    with pytest.raises(SystemExit, match='error: Expected --workers to be at least 1, but got 0'):
        main([*words, '--workers', '0'])


def test_cores_are_counted_on_every_system(monkeypatch):
    assert available_cores() >= 1
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    assert available_cores() == os.cpu_count()


def test_only_errors_of_the_user_lose_their_traceback():
    with pytest.raises(ZeroDivisionError), user_errors():
        _ = 1 / 0


def test_parsers_load_nothing_heavy():
    """So that `--help` and a mistyped option answer at once."""
    code = """
        import importlib, sys
        from mmsteal.cli.dispatch import COMMANDS, main
        main(['--help'])
        heavy = {'torch', 'numpy', 'cv2', 'mmengine'}
        print(sorted(heavy & set(sys.modules)))
        for command in COMMANDS.values():
            importlib.import_module(f'mmsteal.cli.{command.module}').build_parser()
        print(sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code)], capture_output=True, text=True, check=False,
        env={**os.environ, 'PYTHONPATH': str(REPO)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-2:] == ['[]', '[]'], done.stderr


def test_choices_are_those_of_the_library():
    assert tuple(LABEL_FORMATS) == FORMATS


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_thin_and_run_the_command(path):
    text = path.read_text()
    name = path.stem
    assert name in {command.module for command in COMMANDS.values()}
    assert f'from mmsteal.cli.{name} import main\n' in text
    assert text.endswith("if __name__ == '__main__':\n    main()\n")
    assert len(text.splitlines()) <= 8
    (told,) = re.findall(r'the same as `mmsteal ([\w-]+)`', text)
    assert COMMANDS[told].module == name


def test_every_command_has_a_script():
    scripts = {path.stem for path in SCRIPTS}
    annotator = (REPO / 'demo/annotator.py').read_text()
    assert 'from mmsteal.cli.annotate import main' in annotator
    assert {command.module for command in COMMANDS.values()} - scripts == {'annotate'}


def test_page_of_commands_has_all():
    page = (REPO / 'docs/commands.md').read_text()
    rows = re.findall(r'^\| `mmsteal ([\w-]+)` \| `([\w/]+\.py)`', page, re.MULTILINE)
    assert [name for name, _ in rows] == list(COMMANDS)
    for name, script in rows:
        text = (REPO / script).read_text()
        assert f'from mmsteal.cli.{COMMANDS[name].module} import main' in text
