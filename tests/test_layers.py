"""The four storeys of the package (CONTRIBUTING.md), and one direction between them."""

import ast
import sys
import typing
from pathlib import Path

import pytest

import mmsteal

PACKAGE = Path(mmsteal.__file__).parent
STACK = {'mmengine', 'mmcv', 'mmseg'}
# What storeys 1 and 2 may import from elsewhere.
ALLOWED = {
    'functional': {
        'torch',
        'numpy',
        'scipy',
        'cv2',
        'skimage',
        'numba',
        'lazy_loader',
        '__future__',
    },
    'label_formats': {'numpy', 'scipy', 'cv2', 'skimage', 'PIL', 'pycocotools', '__future__'},
}
# The storey of a module is that of the longest name here that it begins with.
STOREYS = {
    # 1: what an edge is
    'functional': 1,
    # 2: what labels and edge maps are on disk, how files are written and work is resumed, how
    # boundaries are compared; pictures of arrays
    'files': 2,
    'input_files': 2,
    'pairing': 2,
    'text_lists': 2,
    'jobs': 2,
    'label_formats': 2,
    'edge_files': 2,
    'evaluation': 2,
    'visualization.edge_colors': 2,
    'visualization.report': 2,
    'visualization.training_curves': 2,
    'version': 2,
    # 3: how it plugs in
    'compat': 3,
    'datasets': 3,
    'engine': 3,
    'evaluation.edge_metric': 3,
    'mm_stack': 3,
    'models': 3,
    'registered': 3,
    'registration': 3,
    'safe_checkpoints': 3,
    'visualization': 3,
    'weights': 3,
    # 4: what a person runs
    '__main__': 4,
    'annotator': 4,
    'apis': 4,
    'cli': 4,
    'comparison': 4,
    'demo': 4,
    'file_evaluation': 4,
    'label_tools': 4,
    'refinement': 4,
}
MODULES = {
    '.'.join(path.relative_to(PACKAGE).with_suffix('').parts).removesuffix('.__init__'): path
    for path in PACKAGE.glob('*/**/*.py')
    if '.mim' not in path.parts
}
MODULES |= {path.stem: path for path in PACKAGE.glob('*.py') if path.stem != '__init__'}


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: imports are absolute here'
            for alias in node.names:
                whole = f'{node.module}.{alias.name}'
                is_module = whole.removeprefix('mmsteal.') in MODULES
                names.add(whole if is_module else node.module)
    return names


IMPORTS = {
    (name, other.removeprefix('mmsteal.'))
    for name, path in MODULES.items()
    for other in imported_modules(path)
    if other.startswith('mmsteal.')
}


def storey(name: str) -> int:
    parts = name.split('.')
    found = ('.'.join(parts[:n]) for n in range(len(parts), 0, -1))
    known = next((prefix for prefix in found if prefix in STOREYS), None)
    assert known is not None, f'give mmsteal.{name} a storey in STOREYS, and tell CONTRIBUTING.md'
    return STOREYS[known]


def circles_of_packages() -> set[tuple[str, str]]:
    """Imports between two packages of storey 4 of which each leads to the other."""
    between = {
        (name, other): (name.split('.')[0], other.split('.')[0])
        for name, other in IMPORTS
        if storey(name) == storey(other) == 4
    }
    reached = {package: {package} for pair in between.values() for package in pair}
    for _ in reached:
        for package, other in between.values():
            for reach in reached.values():
                if package in reach:
                    reach.add(other)
    return {
        pair for pair, (package, other) in between.items()
        if package != other and package in reached[other]
    }  # fmt: skip


def test_imports_lead_down():
    upwards = {(name, other) for name, other in IMPORTS if storey(name) < storey(other)}
    assert not upwards | circles_of_packages()


@pytest.mark.parametrize('name', sorted(name for name in MODULES if storey(name) <= 2))
def test_lower_storeys_do_without_the_stack(name):
    allowed = ALLOWED.get(name.split('.')[0])
    for module in imported_modules(MODULES[name]):
        top = module.split('.')[0]
        assert top not in STACK, f'{name}: {module}'
        if allowed is not None:
            known = top in allowed or top in sys.stdlib_module_names or top == 'mmsteal'
            assert known, f'{name}: {module}'


def test_public_names_are_documented():
    from mmsteal import functional

    for name in functional.__all__:
        value = getattr(functional, name)
        # A name for a type, as `Engine`, has no docstring of its own.
        assert value.__doc__ or typing.get_origin(value), name


def test_missing_stack_names_both_routes(monkeypatch):
    from mmsteal.mm_stack import require_mm_stack

    monkeypatch.setitem(sys.modules, 'mmseg', None)
    with pytest.raises(ImportError, match=r'mmsteal\[onedl\](.|\n)*mmsegmentation'):
        require_mm_stack()
