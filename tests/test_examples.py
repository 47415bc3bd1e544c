"""The examples in docstrings are run, and give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import mmsteal

PACKAGE = Path(mmsteal.__file__).parent
WITH_EXAMPLES = sorted(
    '.'.join(('mmsteal', *path.relative_to(PACKAGE).with_suffix('').parts))
    for path in PACKAGE.rglob('*.py')
    if '.mim' not in path.parts and '>>> ' in path.read_text()
)


@pytest.mark.parametrize('name', WITH_EXAMPLES)
def test_examples_give_what_they_say(name):
    assert not doctest.testmod(importlib.import_module(name)).failed
