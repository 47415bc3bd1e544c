"""The commands of docs/label_tools.md, run on a tiny set in each tool's files."""

import json
import re
import runpy
import shlex
import sys
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from mmsteal.cli import label_studio_backend
from mmsteal.cli.edge_arguments import parse_edge_arguments
from mmsteal.label_formats import (
    AnnotatedObject,
    Annotation,
    LabelItem,
    open_label_format,
)
from tests.conftest import REPO
from tests.label_formats.helpers import iou
from tests.refinement.folders import disk, edge_map

SIZE = (60, 80)
PAGE = (REPO / 'docs/label_tools.md').read_text()
COMMANDS = [
    ' '.join(line.split())
    for block in re.findall(r'```bash\n(.*?)```', PAGE, re.DOTALL)
    for line in block.replace('\\\n', ' ').splitlines()
    if line.strip()
]
# First word -> why it is not run.
NOT_RUN = {
    'labelme': 'a program with a window',
    'ML_BLOCK_LOCAL_IP=0': 'starts a Label Studio server',
    'unzip': "the archive is the reader's",
    'curl': 'test_label_studio.py asks the same',
}
TRUE = {'car': disk(SIZE, (30, 25), 16), 'tree': disk(SIZE, (30, 62), 10)}


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """The folders that the page speaks of."""
    root = tmp_path_factory.mktemp('page')
    object_map = np.full(SIZE, -1, np.int32)
    for index, (name, mask) in enumerate(TRUE.items()):
        object_map[ndi.binary_erosion(mask, iterations=3)] = index
        (root / 'work_dirs/edges' / name).mkdir(parents=True)
        cv2.imwrite(str(root / f'work_dirs/edges/{name}/a.png'), edge_map(mask))
    objects = tuple(AnnotatedObject(name, name, i) for i, name in enumerate(TRUE, 1))
    given = Annotation('a', object_map, objects, np.zeros(SIZE, bool), format='drawn')
    for name, folder, images, options in (
        ('labelme', 'labelme', 'labelme', {}),
        ('coco', 'coco', 'coco/images', dict(classes={'car': 1, 'tree': 2})),
        ('cvat', 'cvat', 'cvat/images', {}),
        ('label_studio', 'label_studio', 'images', dict(file_name='export.json')),
    ):
        (root / 'data' / images).mkdir(parents=True, exist_ok=True)
        image = root / 'data' / images / 'a.png'
        cv2.imwrite(str(image), np.zeros((*SIZE, 3), np.uint8))
        item = LabelItem('a', image, ())
        writer = open_label_format(name, **options)
        writer.write(item, given, object_map, root / 'data' / folder)
        writer.finish(root / 'data' / folder, [item])
    return root


def run(command, monkeypatch, *more):
    """Run `python TOOL ...` in this process; the globals of the tool."""
    words = shlex.split(command)
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, 'argv', [*words[1:], *more])
    try:
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(REPO / words[1]), run_name='__main__')
    finally:
        torch.set_num_threads(threads)
    assert left.value.code == 0


REFINE = [command for command in COMMANDS if command.startswith('python tools/refine.py')]


def test_every_command_is_known():
    assert len(REFINE) == 5
    for command in COMMANDS:
        tool = command.split()[1] if command.startswith('python') else None
        assert tool in ('tools/refine.py', 'tools/label_studio_backend.py') or (
            command.split()[0] in NOT_RUN
        )


@pytest.mark.parametrize('command', REFINE, ids=lambda c: c.split('--out ')[-1])
def test_refined_and_back(command, place, monkeypatch):
    pytest.importorskip('pycocotools')
    monkeypatch.chdir(place)
    run(command, monkeypatch, '--workers', '0', '--contact-sheet', '0')
    words = shlex.split(command)
    labels = place / words[words.index('--out') + 1] / 'labels'
    name = words[words.index('--to' if '--to' in words else '--format') + 1]
    root, images = {
        'labelme': (labels, 'data/labelme'),
        'coco': (labels / 'instances.json', 'data/coco/images'),
        'cvat': (labels, 'data/cvat/images'),
        'label_studio': (labels / 'export.json', 'data/images'),
    }[name]
    reader = open_label_format(name, root, images=place / images)
    annotation = reader.read(reader.items()[0])
    assert sorted(entry.name for entry in annotation.objects) == ['car', 'tree']
    for index, entry in enumerate(annotation.objects):
        found = annotation.object_map == index
        drawn = ndi.binary_erosion(TRUE[entry.name], iterations=3)
        assert iou(found, TRUE[entry.name]) > iou(drawn, TRUE[entry.name])
        assert f'{labels.parent.name}/labels' in PAGE or '--to' in words
    if name == 'labelme':
        document = json.loads((labels / 'a.json').read_text())
        assert (labels / document['imagePath']).samefile(place / 'data/labelme/a.png')
    if '--to' in words:
        assert {e.tag for e in ET.parse(labels / 'annotations.xml').find('image')} == {'mask'}


def test_backends_open(place, monkeypatch, capsys):
    commands = [command for command in COMMANDS if 'label_studio_backend' in command]
    assert len(commands) == 2
    monkeypatch.chdir(place)
    for command in commands:
        words = [*shlex.split(command)[2:], '--port', '0']
        args = parse_edge_arguments(label_studio_backend.build_parser(), words)
        if args.edges is not None:  # a model is the reader's
            with label_studio_backend.open_server(args) as server:
                assert server.server_address[0] == '127.0.0.1'
    assert 'edge maps: car, tree' in capsys.readouterr().out


def test_backend_says_what_is_missing(place, monkeypatch):
    monkeypatch.chdir(place)
    for words, message in (
        (['--data-root', 'nowhere', '--edges', 'work_dirs/edges'], 'Expected the images'),
        (['--data-root', 'data/images', '--edges', 'nowhere'], 'folder of edge maps'),
        (
            ['--data-root', 'data/images', '--edges', 'work_dirs/edges', '--error-px', '0'],
            'error_px',
        ),
        (['--data-root', 'data/images', '--edges', 'work_dirs/edges', '--class-map', 'a=b'], "'b'"),
    ):
        monkeypatch.setattr(sys, 'argv', ['label_studio_backend.py', *words])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(REPO / 'tools/label_studio_backend.py'), run_name='__main__')
        assert re.match(rf'error: (.|\n)*{message}', left.value.code)
