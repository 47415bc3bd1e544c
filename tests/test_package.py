"""What a wheel holds, and that what CI runs is there.

`.ci/check_package.sh` builds a wheel and uses it.
"""

import ast
import importlib.metadata
import os
import re
import runpy
import sys
import zipfile
from configparser import ConfigParser

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import mmsteal
from tests.conftest import REPO

PYTHONS = ('3.10', '3.11', '3.12', '3.13')
WORKFLOW = yaml.safe_load((REPO / '.github/workflows/ci.yml').read_text())
JOBS = WORKFLOW['jobs']
CONTENTS = runpy.run_path(str(REPO / '.ci/package_contents.py'))


def test_links_lead_to_what_mim_reads():
    for name in ('configs', 'tools', 'model-index.yml'):
        assert (REPO / 'mmsteal/.mim' / name).resolve() == REPO / name


def test_patterns_of_setup_cfg_take_every_config_and_tool():
    setup = ConfigParser()
    setup.read(REPO / 'setup.cfg')
    patterns = setup['options.package_data']['mmsteal'].split()
    taken = {
        path.relative_to(REPO).as_posix()
        for pattern in patterns
        for path in (REPO / 'mmsteal').glob(pattern)
    }
    expected = CONTENTS['expected_files'](REPO)
    assert taken >= {name for name in expected if '/.mim/' in name or name.endswith('.json')}
    assert sum(name.endswith('.json') for name in expected) == 10
    assert len(expected) > 150


@pytest.mark.parametrize('fault', ['lacks', 'has another', 'holds', 'licence'])
def test_faults_of_a_wheel_are_found(tmp_path, fault):
    package = tmp_path / 'mmsteal'
    package.mkdir()
    (package / 'a.py').write_text('a = 1\n')
    (tmp_path / 'model-index.yml').write_text('Import: []\n')
    files = {
        'mmsteal/a.py': 'a = 1\n',
        'mmsteal/.mim/model-index.yml': 'Import: []\n',
        'x.dist-info/licenses/LICENSE': '',
    }
    check = CONTENTS['check_wheel']

    def faults(name):
        with zipfile.ZipFile(tmp_path / name, 'w') as wheel:
            for path, content in files.items():
                wheel.writestr(path, content)
        return check(tmp_path / name, tmp_path)

    assert faults('whole.whl') == []
    if fault == 'lacks':
        del files['mmsteal/a.py']
    elif fault == 'has another':
        files['mmsteal/a.py'] = 'a = 2\n'
    elif fault == 'holds':
        files['mmsteal/picture.png'] = ''
    else:
        del files['x.dist-info/licenses/LICENSE']
    (found,) = faults('faulty.whl')
    assert fault in found


def test_versions_agree():
    project = (REPO / 'pyproject.toml').read_text()
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    tested = JOBS['test']['strategy']['matrix']['python-version']
    assert tuple(named) == tuple(tested) == PYTHONS
    assert f'requires-python = ">={PYTHONS[0]}"' in project
    citation = yaml.safe_load((REPO / 'CITATION.cff').read_text())
    assert citation['version'] == mmsteal.__version__
    assert f'license = "{citation["license"]}"' in project


@pytest.mark.parametrize('python', PYTHONS)
def test_pins_suit_every_python(python):
    """A pin that a Python cannot install needs a marker."""
    checked = 0
    for line in (REPO / 'constraints.txt').read_text().splitlines():
        if line.startswith('#') or not line.strip():
            continue
        pin = Requirement(line)
        if pin.marker and not pin.marker.evaluate({'python_version': python}):
            continue
        try:
            metadata = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if metadata['Version'].split('+')[0] in pin.specifier:
            asked = SpecifierSet(metadata.get('Requires-Python') or '')
            assert asked.contains(f'{python}.20'), f'{pin} asks for Python {asked}'
            checked += 1
    assert checked > 10


def test_what_is_imported_is_declared():
    """Only the mm stack comes by two routes, of which pyproject.toml can name one."""
    named = {'PIL': 'pillow', 'cv2': 'opencv-python', 'skimage': 'scikit-image'}
    text = (REPO / 'pyproject.toml').read_text()
    declared = set(re.findall(r'"([a-z-]+)>=', text)) | {'mmengine', 'mmcv', 'mmseg', 'mmsteal'}
    imported = set()
    for path in [*(REPO / 'mmsteal').rglob('*.py'), *(REPO / 'tools').rglob('*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            imported |= {module.partition('.')[0] for module in modules}
    others = imported - sys.stdlib_module_names
    assert {'torch', 'wrapt', 'gradio'} <= others
    assert {named.get(name, name.replace('_', '-')) for name in others} <= declared


def test_workflow_may_only_read_and_ends():
    assert WORKFLOW['permissions'] == {'contents': 'read'}
    assert WORKFLOW['concurrency']['cancel-in-progress'] is True
    for job in JOBS.values():
        assert 'permissions' not in job
        assert job['timeout-minutes'] <= 60


def test_workflow_runs_what_is_there():
    targets = set(re.findall(r'^([\w-]+):', (REPO / 'Makefile').read_text(), re.MULTILINE))
    commands = [step['run'] for job in JOBS.values() for step in job['steps'] if 'run' in step]
    made = set(re.findall(r'make ([\w-]+)', ' '.join(commands)))
    assert made >= {'lint', 'test'}
    assert made <= targets
    scripts = set(re.findall(r'\.ci/[\w.]+', ' '.join(commands)))
    assert scripts == {'.ci/check_package.sh'}
    for script in scripts:
        assert os.access(REPO / script, os.X_OK)
    # All that the one command for CI runs is also run there.
    assert set(re.findall(r'^make (\w+)', (REPO / '.ci/run').read_text(), re.MULTILINE)) <= made
