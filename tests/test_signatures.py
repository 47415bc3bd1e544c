"""No public function takes so many arguments that nobody can call it without the reference."""

import ast
import importlib
from pathlib import Path

import pytest

import mmsteal

PACKAGE = Path(mmsteal.__file__).parent
MOST = 8
# As others call them: MMSegmentation a visualizer, Gradio an action with a value for each control.
EXCEPTIONS = {'EdgeLocalVisualizer.add_datasample', 'PageActions.refine'}
# Options that travel together are one argument.
OPTIONS = {'options'}


def public_functions():
    """Public functions and methods, without constructors: file, name and definition."""
    for path in sorted(PACKAGE.rglob('*.py')):
        if '.mim' in path.parts or (path.name.startswith('_') and path.name != '__init__.py'):
            continue
        for owner in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if not isinstance(owner, ast.Module | ast.ClassDef):
                continue
            name = getattr(owner, 'name', '')
            for node in owner.body:
                is_function = isinstance(node, ast.FunctionDef)
                if is_function and not (name.startswith('_') or node.name.startswith('_')):
                    yield path, f'{name}.{node.name}'.lstrip('.'), node


def parameters(node):
    """Names of the parameters that count."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [arg.arg for arg in given if arg.arg not in {'self', 'cls', *OPTIONS}]


def test_functions_have_few_parameters():
    found = {
        f'{path.relative_to(PACKAGE)}: {name}': parameters(node)
        for path, name, node in public_functions()
        if name not in EXCEPTIONS
    }
    assert len(found) > 500
    too_many = {name: given for name, given in found.items() if len(given) > MOST}
    assert not too_many


def test_the_exceptions_are_there_and_needed():
    long = {name for _, name, node in public_functions() if len(parameters(node)) > MOST}
    assert long == EXCEPTIONS


@pytest.mark.parametrize('name', ['refine_label_map', 'evolve_level_set', 'align_masks'])
def test_the_check_sees_functions_of_the_front(name):
    assert callable(getattr(importlib.import_module('mmsteal.functional'), name))
    assert any(name == found for _, found, _ in public_functions())
