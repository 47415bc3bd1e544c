"""The scripts of benchmarks/experiments as modules."""

import importlib
import sys

import pytest

from tests.conftest import REPO

FOLDER = str(REPO / 'benchmarks' / 'experiments')


@pytest.fixture
def script(monkeypatch):
    """Import a script by name; its neighbors are found as when it is run."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture
def run_script(script, monkeypatch):
    """Run a script's main with command-line words."""

    def run(name, *words):
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, words)])
        script(name).main()

    return run
