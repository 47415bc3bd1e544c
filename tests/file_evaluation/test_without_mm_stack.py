"""Edge maps, labels and scores of files do without mmengine, mmcv and mmseg."""

import subprocess
import sys
from pathlib import Path

import pytest

import mmsteal

# Runs the modules alone: what `import mmsteal` itself does is another matter.
SCRIPT = """
import importlib, sys, types

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('mmengine', 'mmcv', 'mmseg'):
            raise ImportError(f'{{name}} is blocked')

sys.meta_path.insert(0, Blocked())
package = sys.modules['mmsteal'] = types.ModuleType('mmsteal')
package.__path__ = [{root!r}]
importlib.import_module({name!r})
"""


@pytest.mark.parametrize('name', ['edge_files', 'evaluation', 'refinement'])
def test_import(name):
    root = str(Path(mmsteal.__file__).parent)
    script = SCRIPT.format(root=root, name=f'mmsteal.{name}')
    run = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
