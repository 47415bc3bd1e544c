"""Edge maps, labels and scores of files do without mmengine, mmcv and mmseg."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mmsteal
from tests.conftest import REPO
from tests.refinement.folders import write_set

# Runs the modules alone: what `import mmsteal` itself does is another matter.
BLOCKED = """
import sys, types

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('mmengine', 'mmcv', 'mmseg'):
            raise ImportError(f'{{name}} is blocked')

sys.meta_path.insert(0, Blocked())
package = sys.modules['mmsteal'] = types.ModuleType('mmsteal')
package.__path__ = [{root!r}]
"""


def run_blocked(script):
    whole = BLOCKED.format(root=str(Path(mmsteal.__file__).parent)) + script
    run = subprocess.run(
        [sys.executable, '-c', whole], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def data(tmp_path):
    return write_set(tmp_path / 'data', number=2)


def test_evaluation(data, tmp_path):
    words = [
        '--data', 'folder', str(data / 'labels'), '--names', 'disk', 'bar', 'sky',
        '--label-values', '7', '9', '11', '--background', '0', '--pred', str(data / 'edges'),
        '--classes', 'disk', 'bar', '--thresholds', '5', '--max-dist', '0.1',
        '--out', str(tmp_path / 'out'),
    ]  # fmt: skip
    printed = run_blocked(f'from mmsteal.cli.eval_edges import main; main({words!r})')
    assert '| mean' in printed
    stored = json.loads((tmp_path / 'out/results.json').read_text())
    assert stored['num_images'] == 2
    assert stored['methods'][0]['scores'][0]['mean']['ods_f'] > 0


def test_refinement(data, tmp_path):
    printed = run_blocked(
        'from pathlib import Path\n'
        'from mmsteal.refinement import refine_folder\n'
        'from tests.refinement.folders import settings_of\n'
        f'settings = settings_of(Path({str(data)!r}), Path({str(tmp_path / "out")!r}))\n'
        'print(refine_folder(settings).objects)'
    )
    assert printed == "{'moved': 4, 'kept: no edge map': 2}\n"
