"""Every script of tools/ and benchmarks/ imports, so that none is broken by a name that moved."""

import runpy
import sys

import pytest

from tests.conftest import REPO

SCRIPTS = sorted(
    path
    for folder in ('tools', 'benchmarks', 'demo')
    for path in (REPO / folder).rglob('*.py')
    if path.name != '__init__.py'
)


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: str(path.relative_to(REPO)))
def test_script_imports(path, monkeypatch):
    monkeypatch.setattr(sys, 'path', [str(path.parent), *sys.path])
    names = runpy.run_path(str(path), run_name='imported')
    assert names['__doc__']
