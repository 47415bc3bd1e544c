"""The two layers of the package, and one direction between them."""

import ast
import sys
from pathlib import Path

import pytest

import mmsteal

PACKAGE = Path(mmsteal.__file__).parent
ALLOWED = {'torch', 'numpy', 'scipy', 'cv2', 'skimage', 'numba', '__future__'}


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: imports are absolute here'
            names.add(node.module)
    return names


@pytest.mark.parametrize(
    'path', sorted((PACKAGE / 'functional').glob('*.py')), ids=lambda p: p.stem
)
def test_functional_layer_knows_nothing_of_the_other(path):
    for name in imported_modules(path):
        top = name.split('.')[0]
        inside = name.startswith('mmsteal.functional')
        assert inside or top in ALLOWED or top in sys.stdlib_module_names, f'{path.name}: {name}'


def test_public_names_are_documented():
    from mmsteal import functional

    for name in functional.__all__:
        assert getattr(functional, name).__doc__, name


def test_missing_stack_names_both_routes(monkeypatch):
    from mmsteal.compat import require_mm_stack

    monkeypatch.setitem(sys.modules, 'mmseg', None)
    with pytest.raises(ImportError, match=r'mmsteal\[onedl\](.|\n)*mmsegmentation'):
        require_mm_stack()
