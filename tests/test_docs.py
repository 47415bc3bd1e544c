"""README and docs: Python runs, configs load, commands have arguments that their tools take.

A block that is not checked says why not.
"""

import argparse
import contextlib
import importlib
import importlib.util
import inspect
import io
import re
import runpy
import shlex
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS, VISUALIZERS

from mmsteal.apis.run_config import find_config
from mmsteal.cli import dispatch
from mmsteal.cli.evaluation_arguments import protocol_from
from mmsteal.demo import photographs
from mmsteal.mm_stack import INSTALL_ROUTES
from tests.conftest import REPO
from tests.datasets.folders import write_folder, write_sbd
from tests.tiny_runs import CAMVID_OPTIONS, run_tiny, write_camvid

PAGES = [
    REPO / 'README.md',
    REPO / 'configs/README.md',
    *sorted((REPO / 'docs').rglob('*.md')),
]
MINE = 'configs/mine.py'  # what the reader writes
COMMANDS = ('bash', '')
NO_CODE = ('text', 'bibtex')


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    fence = re.compile(r'^( *)(`{3,})([^`\n]*)\n(.*?)^\1\2 *$', re.DOTALL | re.MULTILINE)
    for found in fence.finditer(text):
        before = text[: found.start()].rstrip().rsplit('\n', 1)[-1]
        mark = re.fullmatch(r' *<!-- not run: (.+) -->', before)
        yield Block(
            page,
            text.count('\n', 0, found.start()) + 1,
            found[3].strip(),
            textwrap.dedent(found[4]),
            mark[1] if mark else None,
        )


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [block for block in BLOCKS if block.not_run is None]
PYTHON = [block for block in RUN if block.language == 'python']
FILES = [block for block in PYTHON if re.match(r'# \w+\.py\n', block.text)]
CONFIGS = [
    block
    for block in PYTHON
    if block not in FILES and not re.search(r'^(import|from) ', block.text, re.MULTILINE)
]
SCRIPTS = [block for block in PYTHON if block not in FILES and block not in CONFIGS]


def name_of(thing) -> str:
    return f'{thing.page.name}:{thing.line}'


def test_every_block_is_of_a_known_kind():
    for block in BLOCKS:
        directive = re.fullmatch(r'\{[\w-]+\}', block.language)  # of the site
        assert block.language in ('python', *COMMANDS, *NO_CODE) or directive, name_of(block)
    assert len(SCRIPTS) > 5
    assert len(CONFIGS) > 8
    assert len(FILES) > 8


# --- commands


class Command(NamedTuple):
    """One command of a block, or of a line of text."""

    page: Path
    line: int
    words: tuple[str, ...]


def commands_of(block: Block) -> Iterator[Command]:
    variables: dict[str, str] = {}
    for line in block.text.replace('\\\n', ' ').splitlines():
        assigned = re.fullmatch(r'(?:export )?(\w+)=("[^"]*"|\S+)', line.strip())
        if assigned:
            variables[assigned[1]] = assigned[2].strip('"')
            continue
        for name, value in variables.items():
            line = line.replace(f'${name}', value)
        words = shlex.split(line, comments=True)
        while words and re.match(r'[A-Z_]+=', words[0]):  # of the environment
            words = words[1:]
        if words:
            yield Command(block.page, block.line, tuple(words))


def inline_commands(page: Path) -> Iterator[Command]:
    text = page.read_text()
    for found in re.finditer(
        r'`(?:\w+=\S+ )?(python (?:-m )?(?:tools|benchmarks|demo)\b[^`]*)`', text
    ):
        words = tuple(shlex.split(found[1]))
        if len(words) > 2:  # more than the name of a tool
            yield Command(page, text.count('\n', 0, found.start()) + 1, words)


ALL_COMMANDS = [
    command for block in RUN if block.language in COMMANDS for command in commands_of(block)
] + [command for page in PAGES for command in inline_commands(page)]
# The arguments of a launcher that stand before those of the tool, and which of them is the config.
LAUNCHERS = {
    'dist_train': ('train', 2, [0]),
    'dist_test': ('test', 3, [0, 1]),
    'dist_refine': ('refine', 1, []),
    'slurm_train': ('train', 3, [2]),
    'slurm_test': ('test', 4, [2, 3]),
    'slurm_refine': ('refine', 2, []),
}


@pytest.mark.parametrize('command', ALL_COMMANDS, ids=name_of)
def test_command(command, monkeypatch):
    words = list(command.words)
    if words[0] == 'bash':
        words = words[1:]
    if words[0] == 'make':
        makefile = (REPO / 'Makefile').read_text()
        assert all(re.search(rf'^{word}:', makefile, re.MULTILINE) for word in words[1:])
    elif words[:2] == ['pip', 'install']:
        check_packages(words[2:])
    elif words[:2] == ['python', '-c']:
        exec(words[2], {})
    elif words[0] == 'python':
        check_arguments(words[1:], monkeypatch)
    elif words[0] == 'mmsteal':
        check_command(words[1], words[2:])
    elif words[0] == 'torchrun':
        start = words.index('-m')
        assert words[start + 1] == 'mmsteal', words
        check_command(words[start + 2], words[start + 3 :])
    else:
        script = Path(words[0])
        assert (REPO / script).is_file(), f'no such command: {words}; say why it is not run'
        tool, count, kept = LAUNCHERS[script.stem]
        own = words[1 : 1 + count]
        assert len(own) == count
        arguments = [*(own[index] for index in kept), *words[1 + count :]]
        check_arguments([f'tools/{tool}.py', *arguments], monkeypatch)


def check_packages(words):
    """The packages are ones that the project names, the extras are there."""
    project = (REPO / 'pyproject.toml').read_text()
    for word in words:
        found = re.match(r'(\.|[\w-]+)(?:\[(\w+)\])?', word)
        if word.startswith('-'):
            continue
        if found[2]:
            assert re.search(rf'^{found[2]} = \[', project, re.MULTILINE), word
        assert found[1] == '.' or f'{found[1]}' in project + INSTALL_ROUTES, word


class ParsedError(Exception):
    """Carries the arguments of a tool out of it."""


def check_arguments(words, monkeypatch):
    """The script's own parser takes the options; configs and the keys set in them exist."""
    module = words[0] == '-m'
    name, *arguments = words[1:] if module else words
    path = REPO / (name.replace('.', '/') + '.py' if module else name)
    assert path.is_file(), path
    monkeypatch.setattr(sys, 'argv', [str(path), *arguments])
    monkeypatch.syspath_prepend(str(path.parent))  # experiments import their neighbors
    parse = argparse.ArgumentParser.parse_args

    def parse_and_leave(parser, given=None, *_):
        raise ParsedError(parse(parser, given))

    command = re.search(r'the same as `mmsteal ([\w-]+)`', path.read_text())
    if command:
        return check_command(command[1], arguments)
    if 'def parse_args(' in path.read_text():
        args = runpy.run_path(str(path), run_name='parsed')['parse_args']()
    else:
        monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_and_leave)
        threads = torch.get_num_threads()
        try:
            with pytest.raises(ParsedError) as left:
                runpy.run_path(str(path), run_name='__main__')
        finally:
            torch.set_num_threads(threads)
        (args,) = left.value.args
    check_config(args)


def check_command(name, arguments):
    """The parser of `mmsteal NAME` takes the arguments."""
    module = importlib.import_module(f'mmsteal.cli.{dispatch.COMMANDS[name].module}')
    parse = getattr(module, 'parse_args', None) or module.build_parser().parse_args
    args = parse(arguments)
    if hasattr(args, 'protocol'):
        assert protocol_from(args)  # raises for a mode that the protocol does not have
    check_config(args)


def check_config(args):
    """The config exists, and the keys that are set in it."""
    config = getattr(args, 'config', None)
    if config in (None, MINE) or not re.match('configs/|mmsteal::', str(config)):
        return
    path = find_config(str(config).replace('configs/', 'mmsteal::', 1))
    options = getattr(args, 'cfg_options', None)
    cfg = Config.fromfile(path) if options else None
    for key in options or {}:
        value = cfg
        for part in key.split('.')[:-1]:  # the last part may be an option that has a default
            value = value[int(part)] if part.isdigit() else value[part]


# --- configs


NOT_OPTIONS = ('type', '_delete_', '_scope_', 'priority')


def write_config(block, path):
    text = re.sub(r"'\.{1,2}/(configs/)?(?=[\w/-]+\.py')", f"'{REPO}/configs/", block.text)
    path.write_text(text)
    return path


@pytest.mark.parametrize('block', CONFIGS, ids=name_of)
def test_config_loads(block, tmp_path):
    cfg = Config.fromfile(write_config(block, tmp_path / 'mine.py'))
    init_default_scope('mmseg')
    assert list(check_types(cfg.to_dict()))


def check_types(value):
    """Classes of mmsteal in a config have the options that it gives them."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from check_types(part)
    if not isinstance(value, dict):
        return
    for part in value.values():
        yield from check_types(part)
    kind = value.get('type')
    if not isinstance(kind, str):
        return
    registries = (MODELS, DATASETS, TRANSFORMS, HOOKS, METRICS, VISUALIZERS)
    for found in filter(None, (registry.get(kind) for registry in registries)):
        if not found.__module__.startswith('mmsteal'):
            continue
        given = {key: part for key, part in value.items() if key not in NOT_OPTIONS}
        if found.__name__ in METRICS.module_dict:
            METRICS.build(dict(given, type=kind))  # its options depend on the protocol
        else:
            unknown = set(given) - options_of(found)
            assert not unknown, f'{kind}: {sorted(unknown)}'
        yield found


def options_of(cls):
    """Names of the arguments of a class and of those that it passes on to."""
    names = set()
    for base in cls.__mro__:
        if '__init__' in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            names.update(parameter.name for parameter in parameters)
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
                break
    return names


def test_readme_mix_block_builds(tmp_path):
    (block,) = [b for b in CONFIGS if b.page.name == 'README.md' and 'EdgeHeadWrapper' in b.text]
    cfg = Config.fromfile(write_config(block, tmp_path / 'mine.py'))
    init_default_scope('mmseg')
    assert len(MODELS.build(cfg.model).decode_head.loss_decode) == 3


def test_guide_to_own_masks(tmp_path):
    data = tmp_path / 'data'
    for split in ('train', 'val'):
        write_folder(tmp_path / split, values=(0, 1, 2), names=('a',), suffix='.png')
        for kind in ('images', 'labels'):
            (data / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / split / kind).rename(data / kind / split)
    part, *whole = [b for b in CONFIGS if b.page.name == 'datasets.md' and 'data/mine' in b.text]
    assert len(whole) == 2
    paths = []
    for block in (part, *whole):
        paths.append(write_config(block, tmp_path / f'mine_{block.line}.py'))
        paths[-1].write_text(paths[-1].read_text().replace('data/mine', str(data)))
    init_default_scope('mmseg')
    assert len(DATASETS.build(Config.fromfile(paths[0]).dataset)) == 1
    for path in paths[1:]:
        cfg = Config.fromfile(path)
        assert cfg.model.decode_head.num_classes == 2
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            sample = DATASETS.build(loader.dataset)[0]['data_samples']
            assert sample.gt_edge_map.data.shape[0] == 2
        options = {
            'train_dataloader.dataset.pipeline.3.crop_size': SIZE,
            'model.data_preprocessor.size': (64, 64),
        }
        large = cfg.model.backbone.get('depth') == 101
        if large:
            options['model.backbone.depth'] = 50  # the same levels, in half the time
        options['model.backbone.base_channels'] = options['model.backbone.stem_channels'] = 8
        levels = [8, 32, 64, 256] if large else [8, 8, 16, 64]
        options['model.decode_head.in_channels'] = levels
        work_dir = tmp_path / path.stem
        _, losses, metrics = run_tiny(path, data, work_dir, options=options, iters=1)
        assert np.isfinite(losses['loss'])
        assert 0 <= metrics['edge/MF_ODS'] <= 100


# --- Python

TINY = """
_base_ = ['{repo}/configs/steal_casenet_r18_camvid.py']
metainfo = dict(_delete_=True, classes=('car', 'person'))
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=[8, 8, 16, 64], num_classes=2),
)
val_dataloader = dict(dataset=dict(metainfo=metainfo))
test_dataloader = val_dataloader
"""
SIZE = (48, 64)


def label_map(*values):
    labels = np.full(SIZE, values[0], np.uint8)
    for index, value in enumerate(values[1:]):
        labels[8:40, 4 + 28 * index : 28 + 28 * index] = value
    return labels


# What a page takes for given.
GIVEN = {
    'README.md': dict(label_map=label_map(0, 1)),
    'refinement.md': dict(
        label_map=label_map(0, 7, 9),
        image=np.full((*SIZE, 3), 90, np.uint8),
        edge_prob=np.full((2, *SIZE), 0.1, np.float32),
    ),
}


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """The files that the pages speak of."""
    root = tmp_path_factory.mktemp('place')
    (root / 'config.py').write_text(TINY.format(repo=REPO))
    init_default_scope('mmseg')
    cfg = Config.fromfile(root / 'config.py')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), root / 'checkpoint.pth')
    photo = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    (root / 'folder').mkdir()
    for name in ('photo.jpg', 'folder/a.png'):
        cv2.imwrite(str(root / name), photo)
    cv2.imwrite(str(root / 'coarse.png'), label_map(0, 1, 2))
    (root / 'work_dirs/eval').mkdir(parents=True)
    write_sbd(root / 'data/sbd')
    names = (root / 'data/sbd/train.txt').read_text()
    (root / 'data/sbd/val.txt').write_text(names)
    for index in range(1, 21):
        (root / f'results/class_{index}').mkdir(parents=True)
        for name in names.split():
            cv2.imwrite(str(root / f'results/class_{index}/{name}.png'), np.zeros((24, 32)))
    return root


def printed(code, namespace):
    """Run a block, and compare what it prints with the comments beside its prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, namespace)
    found = ' '.join(out.getvalue().split())
    for told in re.findall(r'^print\(.*\)  # (.+)$', code, re.MULTILINE):
        assert ' '.join(told.split()) in found, found


@pytest.mark.parametrize('block', SCRIPTS, ids=name_of)
def test_python_block_runs(block, place, monkeypatch):
    monkeypatch.chdir(place)
    printed(block.text, dict(GIVEN.get(block.page.name, {})))


# --- get_started.md: one command after the other


def test_chain_of_get_started(tmp_path, monkeypatch):
    """Photographs, first training, edges and refinement, as the page writes them, on few images."""
    data = tmp_path / 'work_dirs/demo/data'
    photo = np.random.default_rng(0).integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    labels = label_map(0, 1, 2)
    files = {'images': photo + labels[..., None] * 60}
    for kind in ('labels', 'instances', 'noisy_labels', 'noisy_instances'):
        files[kind] = labels
    for kind, picture in files.items():
        for split in ('train', 'val'):
            (data / kind / split).mkdir(parents=True)
            for name in ('a', 'b'):
                cv2.imwrite(str(data / kind / split / f'{name}.png'), picture)
    (tmp_path / 'configs').symlink_to(REPO / 'configs')
    monkeypatch.setattr(photographs, 'PHOTOGRAPHS', {'rocket': 'rocket'})
    photographs.PhotographFolder(data.parent / 'photographs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    few = ['--cfg-options', 'train_cfg.max_iters=2']
    for loader in ('train', 'val', 'test'):
        few += [f'{loader}_dataloader.{key}' for key in ('num_workers=0', 'persistent_workers=0')]
    done = []
    page = [command for command in ALL_COMMANDS if command.page.name == 'get_started.md']
    for command in page:
        if command.words[0] != 'python' or not command.words[1].startswith('tools/'):
            continue
        tool, *arguments = (word.replace('iter_800', 'iter_2') for word in command.words[1:])
        done.append(Path(tool).stem)
        monkeypatch.setattr(sys, 'argv', [tool, *arguments, *(few if done[-1] == 'train' else [])])
        if done[-1] == 'refine':
            sys.argv += ['--workers', '0']  # a process of its own takes long to begin
        threads = torch.get_num_threads()
        status = None
        try:
            runpy.run_path(str(REPO / tool), run_name='__main__')
        except SystemExit as left:
            status = left.code
        finally:
            torch.set_num_threads(threads)
        assert not status, f'{tool}: {status}'
    chain = ['refine', 'train', 'infer_edges', 'simulate_coarse_labels', 'refine', 'compare']
    assert done == chain
    assert (tmp_path / 'work_dirs/photographs/labels/rocket.json').is_file()
    first = tmp_path / 'work_dirs/first'
    assert (first / 'edges/class_005/a.png').is_file()
    assert (first / 'refined/contact_sheet.html').is_file()
    coarse, refined = (
        cv2.imread(str(first / folder / 'a.png'), cv2.IMREAD_UNCHANGED)
        for folder in ('coarse/8px', 'refined/labels')
    )
    assert (coarse != labels).any()
    assert refined.shape == labels.shape
    assert len((first / 'refined/report.csv').read_text().splitlines()) == 5  # two objects each


# --- extend.md: files under their names


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """The files of docs/extend.md, on the Python path, and a set for each config."""
    root = tmp_path_factory.mktemp('project')
    for block in FILES:
        write_config(block, root / block.text.split()[1])
    write_camvid(root / 'camvid')
    for folder in ('photos', 'masks'):
        (root / 'leaves' / folder).mkdir(parents=True)
    for name in ('a', 'b'):
        photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f'leaves/photos/{name}.jpg'), photo)
        mask = cv2.resize(label_map(0, 10, 20), (64, 64), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(root / f'leaves/masks/{name}_mask.png'), mask)
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


FILE_NAMES = [block.text.split()[1] for block in FILES]
FILE_CONFIGS = [
    name for name, block in zip(FILE_NAMES, FILES, strict=True) if '_base_' in block.text
]


@pytest.mark.parametrize('name', FILE_CONFIGS)
def test_extension_trains(name, project, tmp_path):
    options = {'model.backbone.base_channels': 8, 'model.backbone.stem_channels': 8}
    if name == 'three_levels_camvid.py':
        options = {}
    elif name == 'two_conv_camvid.py':
        options['model.decode_head.in_channels'] = 8
    else:
        options['model.decode_head.in_channels'] = [8, 8, 16, 64]
    data = project / ('leaves' if name == 'leaf.py' else 'camvid')
    _, losses, metrics = run_tiny(
        project / name, data, tmp_path, options={**CAMVID_OPTIONS, **options}
    )
    assert np.isfinite(losses['decode.loss_bce'])
    assert np.isfinite(metrics['edge/MF_ODS'])
    if name == 'edge_dice_camvid.py':
        assert 0 < losses['decode.loss_dice'] <= 0.5
    if name == 'doubt_camvid.py':
        assert losses['align.moved'] > 0


def test_format_is_read_and_written(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        printed((project / 'try_npy_format.py').read_text(), {})
        formats = importlib.import_module('mmsteal.label_formats')
        reader = formats.open_label_format('npy', '.', images='.', classes={'cat': 7, 'dog': 9})
        (item,) = reader.items()
        annotation = reader.read(item)
        writer = formats.open_label_format('png', classes={'cat': 1, 'dog': 2}, background=0)
        (png,) = writer.write(item, annotation, annotation.object_map, 'png')
        assert cv2.imread(str(png), cv2.IMREAD_UNCHANGED).tolist() == [
            [1, 1, 0, 255],
            [1, 2, 2, 255],
        ]
        back = formats.open_label_format(
            'png', 'png', images='.', classes={'cat': 1, 'dog': 2}, background=0
        )
        (item,) = back.items()
        annotation = back.read(item)
        (npy,) = reader.write(item, annotation, annotation.object_map, 'npy')
        assert np.load(npy).tolist() == np.load('a.npy').tolist()
    finally:
        importlib.import_module('mmsteal.label_formats').LABEL_FORMATS.pop('npy', None)


# --- links and names


def anchors_of(page: Path) -> set[str]:
    """Names that GitHub gives to the headings of a page."""
    found: set[str] = set()
    text = re.sub(r'^( *)(`{3,}).*?^\1\2 *$', '', page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for title in re.findall(r'^#+ (.+)$', text, re.MULTILINE):
        title = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title).strip().lower()
        slug = base = re.sub(r'[^\w\- ]', '', title).replace(' ', '-')
        number = 0
        while slug in found:
            number += 1
            slug = f'{base}-{number}'
        found.add(slug)
    return found


@pytest.mark.parametrize('page', [*sorted(REPO.glob('*.md')), *PAGES[1:]], ids=lambda p: p.name)
def test_links_and_files_exist(page):
    text = page.read_text()
    for target, anchor in re.findall(r'\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)', text):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), f'{target}#{anchor}'
    for name in re.findall(r'(?<!\w)(?:tools|configs|benchmarks|demo)/[\w./-]+\.(?:py|sh)\b', text):
        assert (REPO / name).exists() or name == MINE, name


@pytest.mark.parametrize(
    'module',
    ['functional', 'apis', 'comparison', 'edge_files', 'models', 'datasets', 'engine',
     'engine.alignment', 'evaluation', 'file_evaluation', 'input_files', 'jobs', 'label_formats',
     'label_tools', 'refinement', 'visualization'],
)  # fmt: skip
def test_reference_has_every_public_name(module):
    text = ''.join(page.read_text() for page in (REPO / 'docs/api').glob('*.md'))
    told: dict[str, set[str]] = {}
    current = ''
    for kind, name in re.findall(r'^\.\. (\w+):: (\S+)$', text, re.MULTILINE):
        if kind == 'currentmodule':
            current = name
        else:
            told.setdefault(current, set()).add(name)
    public = set(importlib.import_module(f'mmsteal.{module}').__all__)
    assert told.get(f'mmsteal.{module}', set()) >= public
