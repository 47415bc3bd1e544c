"""The tables of refinements and their rivals on the page of results."""

import re

from tests.conftest import REPO


def tables(text):
    """Rows by method of each Markdown table, without the edges and the times."""
    for block in re.findall(r'(?:^\|.*\n?)+', text, flags=re.MULTILINE):
        lines = [[c.strip() for c in line.strip('|').split('|')] for line in block.splitlines()]
        kept = [i for i, name in enumerate(lines[0]) if i and name not in ('edges', 's')]
        header = tuple(lines[0][i] for i in kept)
        yield header, {row[0]: [row[i] for i in kept] for row in lines[2:]}


def test_page_shows_the_published_tables():
    """Each table of (g) is one of the published ones but for left-out rivals."""
    page = (REPO / 'docs' / 'results.md').read_text(encoding='utf-8')
    published = REPO / 'benchmarks' / 'results' / 'refinement_rivals.md'
    whole = list(tables(published.read_text(encoding='utf-8')))
    shown = [(h, rows) for h, rows in tables(page.split('\n## (g)')[1]) if 'joint' in rows]
    assert len(shown) == len(whole) - 1  # the pairs of MSRC that were fitted on
    for header, rows in shown:
        assert any(
            header == other and all(found.get(m) == cells for m, cells in rows.items())
            for other, found in whole
        ), header
