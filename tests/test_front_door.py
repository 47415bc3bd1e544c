"""What works without the mm stack, what is imported when, and what is printed on the way."""

import ast
import os
import subprocess
import sys

import pytest

from tests.conftest import REPO

STACK = ('mmengine', 'mmcv', 'mmseg')
BLOCK = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {STACK}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Blocker())
"""


def python(code, *args, check=True):
    """Run code, or a tool where it is a path, in a process of its own."""
    words = [sys.executable, *(['-c', code] if isinstance(code, str) else [str(code)]), *args]
    path = os.pathsep.join([str(REPO), os.environ.get('PYTHONPATH', '')])
    env = {**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def test_functions_and_files_work_without_the_stack(tmp_path):
    code = """
import sys
import numpy as np, torch
import mmsteal, mmsteal.functional, mmsteal.label_formats, mmsteal.evaluation
from mmsteal.functional import balanced_bce_loss, edge_counts, label_map_to_edges, refine_label_map
labels = np.zeros((64, 64), np.uint8)
labels[16:48, 16:48] = 1
edges = label_map_to_edges(labels, num_classes=2)
assert edges.shape == (2, 64, 64) and edges[1].any()
logits = torch.zeros(1, 2, 64, 64, requires_grad=True)
balanced_bce_loss(logits, torch.from_numpy(edges)[None]).backward()
assert logits.grad.abs().sum() > 0
counts = edge_counts(edges[1] * 1.0, edges[1], max_dist=0.02, thin=False, thresholds=3)
assert (counts == edges[1].sum()).all()
coarse = np.zeros_like(labels)
coarse[19:45, 19:45] = 1
true = label_map_to_edges(labels, num_classes=2, radius=1)[1:]
refined = refine_label_map(coarse, true.astype(np.float32), background=0, error_px=4)
assert (refined.label_map == labels).mean() > (coarse == labels).mean()

from mmsteal.label_formats import AnnotatedObject, open_label_format
from mmsteal.edge_files import read_prediction, write_prediction
root = sys.argv[1]
write_prediction(root + '/edges', 'a', edges.astype(np.float32))
assert (read_prediction(root + '/edges', 'a', 2) == edges * 255).all()

import cv2
for folder, picture in (('labels', coarse), ('images', coarse)):
    import os
    os.makedirs(root + '/' + folder)
    cv2.imwrite(f'{root}/{folder}/a.png', picture)
source = open_label_format('png', root + '/labels', images=root + '/images')
(item,) = source.items()
annotation = source.read(item)
(written,) = source.write(item, annotation, annotation.object_map, root + '/out')
assert (cv2.imread(str(written), cv2.IMREAD_UNCHANGED) == coarse).all()
"""
    python(BLOCK + code, str(tmp_path))


def test_labels_are_refined_with_edge_maps_without_the_stack(tmp_path):
    """With the default number of workers, too: each one imports for itself."""
    make = """
import os, sys
import cv2, numpy as np
from mmsteal.functional import mask_edges
root = sys.argv[1]
label = np.zeros((64, 64), np.uint8)
label[16:48, 16:48] = 1
for folder in ('labels', 'images', 'edges/class_001'):
    os.makedirs(f'{root}/{folder}')
cv2.imwrite(root + '/images/a.png', label)
cv2.imwrite(root + '/edges/class_001/a.png', mask_edges(label == 1, radius=1) * 255)
coarse = np.zeros_like(label)
coarse[19:45, 19:45] = 1
cv2.imwrite(root + '/labels/a.png', coarse)
"""
    python(BLOCK + make, str(tmp_path))
    tool = f'import runpy\nrunpy.run_path({str(REPO / "tools/refine.py")!r}, run_name="__main__")'
    words = [
        '--format', 'png', '--format-options', 'background=0', '--labels', tmp_path / 'labels',
        '--images', tmp_path / 'images', '--edges', tmp_path / 'edges', '--out', tmp_path / 'out',
        '--error-px', '4', '--workers', '0',
    ]  # fmt: skip
    done = python(BLOCK + tool, *map(str, words))
    assert '1 objects moved' in done.stdout
    words = [str(word) for word in words] + ['--config', 'config.py', '--checkpoint', 'none.pth']
    words.remove('--edges')
    words.remove(str(tmp_path / 'edges'))
    done = python(BLOCK + tool, *words, check=False)
    assert 'error: Cannot import `mmengine`' in done.stderr
    assert 'mmsteal[onedl]' in done.stderr


def test_commands_made_of_the_stack_say_how_to_install_it(tmp_path):
    (tmp_path / 'trained.pth').touch()
    code = """
import os, sys
from mmsteal.cli.dispatch import main
os.chdir(sys.argv[1])
for words in (
    'demo', 'train config.py', 'test config.py trained.pth', 'infer a.jpg b',
    'browse config.py out', 'print-config config.py', 'convert-released released.pt out.pth',
    'label-studio --data-root . --config config.py --checkpoint trained.pth',
):
    try:
        main(words.split())
    except SystemExit as left:
        text = str(left.code)
        assert text.startswith('error: Cannot import `mmengine`'), (words, text)
        assert 'mmsteal[onedl]' in text and 'mmsegmentation' in text, (words, text)
    else:
        raise AssertionError(words)
"""
    python(BLOCK + code, str(tmp_path))


# What is made of the stack; whatever else there is works on files and arrays.
MADE_OF_THE_STACK = {
    'apis', 'datasets', 'demo', 'engine', 'evaluation.edge_metric', 'mm_stack', 'models',
    'registered', 'visualization.edge_visualizer',
}  # fmt: skip


def test_only_what_is_made_of_the_stack_asks_for_it():
    """Every module is imported; those of the stack name both routes to install it."""
    code = """
import importlib, pkgutil, mmsteal
for module in pkgutil.walk_packages(mmsteal.__path__, 'mmsteal.', onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        if error.name == 'gradio':
            continue
        text = str(error)
        assert text.startswith('Cannot import `mmengine`'), (module.name, text)
        assert 'mmsteal[onedl]' in text and 'mmsegmentation' in text, (module.name, text)
        print(module.name.removeprefix('mmsteal.'))
"""
    assert set(python(BLOCK + code).stdout.split()) == MADE_OF_THE_STACK


@pytest.mark.parametrize('name', ['models', 'evaluation.EdgeMetric', 'apis.EdgeInferencer'])
def test_names_are_told_as_modules_are(name):
    code = f"""
import mmsteal
try:
    mmsteal.{name}
except ImportError as error:
    print(error)
"""
    assert python(BLOCK + code).stdout.startswith('Cannot import `mmengine`')


def test_imports_take_only_what_they_need():
    """Heavy parts of scipy and scikit-image, and numba, wait for a call that needs them."""
    heavy = (
        *STACK, 'matplotlib', 'numba', 'scipy.ndimage', 'scipy.sparse', 'scipy.spatial',
        'skimage.graph', 'skimage.measure._label', 'skimage.morphology.grey',
    )  # fmt: skip
    code = f"""
import sys
def check(*names):
    found = [name for name in (*{heavy}, *names) if name in sys.modules]
    assert not found, found
import mmsteal
check('torch', 'cv2', 'numpy')
import mmsteal.functional
check()
import mmsteal.label_formats, mmsteal.edge_files, mmsteal.evaluation, mmsteal.jobs
check()
import mmsteal.comparison, mmsteal.file_evaluation, mmsteal.refinement, mmsteal.visualization
check()
"""
    python(code)


def test_lazy_names_are_listed():
    import mmsteal

    assert {'apis', 'functional', 'models', '__version__'} <= set(dir(mmsteal))
    assert {'EdgeMetric', 'boundary_protocol'} <= set(dir(mmsteal.evaluation))
    assert {'EdgeLocalVisualizer', 'colorize_edges'} <= set(dir(mmsteal.visualization))
    with pytest.raises(AttributeError, match='nonsense'):
        mmsteal.nonsense  # noqa: B018


LOOK_UP = "from mmseg.registry import MODELS\nassert MODELS.get('CASENetHead') is not None\n"


@pytest.mark.parametrize(
    'code',
    [
        'import mmsteal\n' + LOOK_UP,
        # somebody was here before, and has looked up names
        "from mmseg.registry import HOOKS\nassert HOOKS.get('mmseg.LevelSetAlignHook') is None\n"
        "import mmsteal.functional\nassert HOOKS.get('LevelSetAlignHook') is not None\n",
        "from mmengine.config import Config\nConfig.fromfile('configs/steal_demo.py')\n" + LOOK_UP,
    ],
    ids=['alone', 'late', 'config'],
)
def test_whoever_looks_finds_the_classes(code):
    assert not python(f'import os\nos.chdir({str(REPO)!r})\n{code}').stdout


def test_every_registry_finds_what_is_registered():
    from mmseg import registry

    import mmsteal.registered  # noqa: F401
    from mmsteal.registration import PLACE, REGISTRIES

    with_classes = {
        name
        for name in registry.__all__
        for found in getattr(registry, name).module_dict.values()
        if found.__module__.startswith('mmsteal.')
    }
    assert with_classes == set(REGISTRIES)
    for name in REGISTRIES:
        assert getattr(registry, name)._locations.count(PLACE) == 1


def test_nothing_is_printed_on_import():
    """Whoever was first: mmengine alone prints nothing."""
    assert not python('import mmengine, mmsteal.apis, mmsteal.registered').stdout


def test_what_else_is_printed_goes_to_stderr(tmp_path):
    (tmp_path / 'mmseg.py').write_text("print('Could not import OneDL')\nprint('beware')\n")
    code = f'import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport mmsteal.models'
    done = python(code, check=False)
    assert not done.stdout
    assert 'beware\n' in done.stderr
    assert 'OneDL' not in done.stderr
    assert 'Cannot import `mmseg.models`' in done.stderr


def test_printed_config_is_a_config(tmp_path):
    from mmengine.config import Config

    config = REPO / 'configs/steal_demo.py'
    text = python(REPO / 'tools/print_config.py', str(config)).stdout
    ast.parse(text)
    path = tmp_path / 'whole.py'
    path.write_text(text)
    assert Config.fromfile(path).model == Config.fromfile(config).model
