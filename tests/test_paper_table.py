"""The table in docs/index.md from the paper to the code, and the docstrings that it leads to."""

import ast
import re
from typing import NamedTuple

import pytest

from tests.conftest import REPO

TEXT = (REPO / 'docs/index.md').read_text()
NUMBERS = r'\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*'


class Row(NamedTuple):
    """A row: `Eq.` or `Fig.`, its numbers, file and name."""

    kind: str
    numbers: set[int]
    file: str
    name: str


def expand(text):
    """`2-5, 7` as numbers."""
    parts = [part.split('-') for part in text.split(', ')]
    return {n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)}


ROWS = [
    Row(kind, expand(numbers), file, name)
    for kind, numbers, file, name in re.findall(
        rf'^\| (Eq\.|Fig\.) ({NUMBERS}) \| [^|]+ \| `([^`|]+)` \| \[`(\w+)`\]\([^)|]+\) \|$',
        TEXT,
        re.MULTILINE,
    )
]


def test_every_equation_and_figure_has_a_row():
    assert len(ROWS) == len(re.findall(r'^\| (?:Eq|Fig)\.', TEXT, re.MULTILINE))
    found = {kind: set().union(*(r.numbers for r in ROWS if r.kind == kind)) for kind in
             ('Eq.', 'Fig.')}  # fmt: skip
    assert found['Eq.'] == {*range(1, 9), *range(11, 16)}  # 9 and 10 are what these minimise
    assert found['Fig.'] == set(range(1, 9))


@pytest.mark.parametrize('row', ROWS, ids=lambda r: f'{r.kind}{min(r.numbers)}-{r.name}')
def test_row_leads_to_code_that_names_the_equation(row):
    tree = ast.parse((REPO / row.file).read_text())
    definitions = {
        node.name: ast.get_docstring(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert row.name in definitions
    if row.kind == 'Eq.':
        # Of overloads the last has the docstring.
        named = re.findall(rf'Eq\. ({NUMBERS})', definitions[row.name] or '')
        assert row.numbers <= set().union(*map(expand, named)), row.name
