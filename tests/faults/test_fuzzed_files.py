"""Files of every format, made bad: each is named, the others are done, and no process ends."""

import contextlib
import io
import json
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from mmsteal.cli import convert_edge_bins, eval_edges, refine
from mmsteal.edge_files import EdgeFolder, PredictionFolder
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.file_evaluation.boundary_truth import AnnotatorTruth
from mmsteal.label_formats import FormatSpec
from mmsteal.label_formats.image_files import read_photo
from tests.faults.mutations import mutate_bytes, mutate_json
from tests.input_files.bad_files import huge_png, mat_bomb
from tests.refinement.folders import write_set

# Longest time for one file; a damaged one is small, and so is what it costs.
PATIENCE_S = 10.0
# What a reader may say of a file.
REFUSALS = (ValueError, OSError)


class Wrong(list):
    """What went wrong, and how often something was tried."""

    tries = 0

    @contextlib.contextmanager
    def attempt(self, what):
        """Whatever the block raises must be a refusal, and come in time."""
        self.tries += 1
        start = time.monotonic()
        try:
            yield
        except REFUSALS:
            pass
        except Exception as error:
            self.append(f'{what}: {type(error).__name__}: {str(error)[:200]}')
        if time.monotonic() - start > PATIENCE_S:
            self.append(f'{what}: took {time.monotonic() - start:.1f} s')


@contextlib.contextmanager
def limited_memory(gigabytes=4):
    """What would take much more is a MemoryError, and so is told, in place of ending others."""
    status = Path('/proc/self/statm')
    if not status.exists():
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + gigabytes * 2**30, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def write_sets(root):
    """A folder for each format with the labels of two images."""
    data = write_set(root / 'data', 2)
    images = str(data / 'images')
    names = {'car': 7, 'person': 9, 'chair': 11}
    source = FormatSpec(
        'png', str(data / 'labels'), {'images': images, 'classes': names, 'background': [0]}
    ).open()
    sets = {'png': FormatSpec('png', source.root, {'images': images, 'background': [0]})}
    for name in ('voc', 'coco', 'labelme', 'sbd', 'cvat', 'label_studio'):
        writer = FormatSpec(name, None, {'classes': names} if name == 'coco' else {}).open()
        out = root / name
        for item in source.items():
            annotation = source.read(item)
            writer.write(item, annotation, annotation.object_map, out)
        writer.finish(out, source.items())
        if name == 'labelme':
            for image in (data / 'images').iterdir():
                shutil.copy(image, out)
        sets[name] = FormatSpec(name, *place_of(name, out, data / 'images'))
    return data, sets


def place_of(name, out, images):
    """Where labels of a format are, and the options to read them with."""
    if name in ('coco', 'cvat', 'label_studio'):
        (document,) = out.glob('*.xml' if name == 'cvat' else '*.json')
        return str(document), {'images': str(images)}
    if name in ('voc', 'sbd'):
        return str(out), {'images': str(images)}
    return str(out), {}


def fuzz_formats(root, tries, seed=0):
    """Damage a file of the labels of each format, and read all images."""
    wrong, rng = Wrong(), random.Random(seed)
    _, sets = write_sets(root)
    for name, spec in sets.items():
        folder = Path(spec.root) if Path(spec.root).is_dir() else Path(spec.root).parent
        files = [path for path in sorted(folder.rglob('*')) if path.is_file()]
        files = [path for path in files if path.suffix != '.txt' and path.parent.name != 'images']
        files = files if folder == Path(spec.root) else [Path(spec.root)]
        for index in range(tries):
            path = rng.choice(files)
            content = path.read_bytes()
            path.write_bytes(_damaged(rng, path, content))
            what = f'{name}, {path.name}, try {index} of seed {seed}'
            try:
                with wrong.attempt(what):
                    _read_all(spec, wrong, what)
            finally:
                path.write_bytes(content)
    return wrong.tries, wrong


def _damaged(rng, path, content):
    if path.suffix == '.json' and rng.random() < 0.7:
        return json.dumps(mutate_json(rng, json.loads(content))).encode()
    return mutate_bytes(rng, content)


def _read_all(spec, wrong, what):
    source = spec.open()
    for item in source.items():
        with wrong.attempt(f'{what}, item {item.name}'):
            annotation = source.read(item)
            target = Path(tempfile.mkdtemp(dir=Path(spec.root).parent))
            try:
                object_map = annotation.object_map.copy()
                object_map[10:14] = -1
                source.write(item, annotation, object_map, target)
                source.finish(target, [item])
            finally:
                shutil.rmtree(target)


def fuzz_images(root, tries, seed=0):
    """Damage photographs of all kinds."""
    wrong, rng = Wrong(), random.Random(seed)
    root.mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    image = Image.fromarray(picture)
    exif = Image.Exif()
    exif[0x0112] = 3
    kinds = {'a.png': {}, 'a.jpg': {'exif': exif}, 'a.bmp': {}, 'a.webp': {}, 'b.tif': {},
             'a.tif': {'compression': 'tiff_lzw'}}  # fmt: skip
    for name, options in kinds.items():
        image.save(root / name, **options)
        content = (root / name).read_bytes()
        for index in range(tries):
            (root / name).write_bytes(mutate_bytes(rng, content))
            with wrong.attempt(f'{name}, try {index} of seed {seed}'):
                read_photo(root / name)
    return wrong.tries, wrong


def fuzz_edges(root, tries, seed=0):
    """Damage edge maps and true boundaries, of every kind of file."""
    wrong, rng = Wrong(), random.Random(seed)
    root.mkdir(parents=True)
    maps = np.random.default_rng(0).random((2, 20, 30)).astype(np.float32)
    np.save(root / 'a.npy', maps)
    np.savez_compressed(root / 'a.npz', maps=maps)
    cv2.imwrite(str(root / 'a.png'), (maps[0] * 65535).astype(np.uint16))
    cells = np.empty((1, 2), object)
    for index in range(2):
        cells[0, index] = {'Segmentation': np.ones((20, 30), np.uint16),
                           'Boundaries': maps[index] > 0.9}  # fmt: skip
    scipy.io.savemat(root / 'a.mat', {'groundTruth': cells}, do_compression=True)
    truth = AnnotatorTruth(['a'], root / 'x')
    for name in ('a.npy', 'a.npz', 'a.png', 'a.mat'):
        content = (root / name).read_bytes()
        folder = root / 'x'
        folder.mkdir()
        for index in range(tries):
            (folder / name).write_bytes(mutate_bytes(rng, content))
            with wrong.attempt(f'{name}, try {index} of seed {seed}'):
                if name == 'a.mat':
                    truth.load('a', BoundaryProtocol('a', stored=True))
                else:
                    names = ['a'] if name == 'a.png' else ['a', 'b']
                    EdgeFolder(folder, names).read('a')
                    PredictionFolder(folder, names).check_headers('a')
        shutil.rmtree(folder)
    return wrong.tries, wrong


def fuzz_checkpoints(root, tries, seed=0):
    """Damage a checkpoint: it is refused or loaded, and no more."""
    from mmsteal import mm_stack  # noqa: F401
    from mmsteal.safe_checkpoints import load_weights
    from tests.test_safe_checkpoints import contents

    wrong, rng = Wrong(), random.Random(seed)
    root.mkdir(parents=True)
    for zipped in (True, False):
        torch.save(contents(), root / 'good.pth', _use_new_zipfile_serialization=zipped)
        content = (root / 'good.pth').read_bytes()
        for index in range(tries):
            (root / 'bad.pth').write_bytes(mutate_bytes(rng, content))
            with wrong.attempt(f'checkpoint, try {index} of seed {seed}'):
                load_weights(root / 'bad.pth', 'cpu')
    return wrong.tries, wrong


def hostile_files():
    """Content of files that ask for much, or for something else, by ending."""
    deep = b'[' * 100_000
    return {
        '.png': {'huge': huge_png(), 'empty': b'', 'text': b'no image', 'deep': deep},
        '.json': {'deep': deep, 'objects': b'{"a":' * 100_000, 'empty': b'',
                  'number': b'9' * 10_000, 'binary': bytes(range(256))},
        '.xml': {'deep': b'<annotations>' + b'<a>' * 100_000, 'empty': b'',
                 'entities': b'<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'},
        '.mat': {'bomb': mat_bomb(60), 'claims': mat_bomb(1, announced=4_000_000_000),
                 'empty': b''},
    }  # fmt: skip


def run_with_hostile_files(root):
    """Refine, evaluate and convert sets with one hostile file: the rest is done, status 1."""
    wrong = Wrong()
    data, sets = write_sets(root)
    for name, spec in sets.items():
        path = Path(spec.root)
        if path.is_dir():
            path = next(p for p in sorted(path.rglob('*')) if p.is_file() and p.suffix != '.txt'
                        and not (name == 'labelme' and p.suffix == '.png'))  # fmt: skip
        content = path.read_bytes()
        for kind, bad in hostile_files()[path.suffix].items():
            path.write_bytes(bad)
            _refine(wrong, f'{name}, {kind} {path.name}', root / 'out', spec,
                    others=name not in ('coco', 'cvat', 'label_studio'))  # fmt: skip
        path.write_bytes(content)
    spec = sets['png']
    photo = data / 'images/0.png'
    content = photo.read_bytes()
    for kind, bad in hostile_files()['.png'].items():
        photo.write_bytes(bad)
        _refine(wrong, f'photograph, {kind}', root / 'out', spec)
    photo.write_bytes(content)
    _refine(wrong, 'all good', root / 'out', spec, expected=None)
    _evaluate(wrong, root, data)
    _convert(wrong, root, data)
    return wrong.tries, wrong


def _run(main, *words):
    """Exit status, or message, and what was printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            main([str(word) for word in words])
        except SystemExit as left:
            return left.code, printed.getvalue()
    return None, printed.getvalue()


def _refine(wrong, what, out, spec, *, others=True, expected=1):
    options = {key: value for key, value in spec.options.items() if key != 'images'}
    words = ['--format', spec.name, '--labels', spec.root, '--error-px', '3', '--workers', '0',
             '--engine', 'geodesic', '--contact-sheet', '2', '--out', out]  # fmt: skip
    if 'images' in spec.options:
        words += ['--images', spec.options['images']]
    if options.get('background'):
        words += ['--format-options', 'background=0']
    with wrong.attempt(what):
        code, printed = _run(refine.main, *words)
        if (1 if isinstance(code, str) else code or None) != expected:
            wrong.append(f'{what}: the exit status is {code!r}: {printed[-300:]}')
        if 'Traceback' in printed:
            wrong.append(f'{what}: {printed[-500:]}')
        if others and len(list((out / 'reports').rglob('*.json'))) != (1 if expected else 2):
            wrong.append(f'{what}: the other image is not done: {code} {printed[-300:]}')
    shutil.rmtree(out, ignore_errors=True)


def _evaluate(wrong, root, data):
    for name, bad in {'labels/0.png': '.png', 'edges/disk/0.png': '.png'}.items():
        content = (data / name).read_bytes()
        for kind, damaged in hostile_files()[bad].items():
            (data / name).write_bytes(damaged)
            what = f'evaluate, {kind} {name}'
            with wrong.attempt(what):
                code, printed = _run(
                    eval_edges.main, '--data', 'folder', data / 'labels', '--names', 'bar', 'disk',
                    '--label-values', '9', '7', '--background', '0', '11', '--pred',
                    f'mine={data / "edges"}', '--thresholds', '3', '--workers', '1', '--no-plots',
                    '--out', root / 'scores',
                )  # fmt: skip
                if code is None or 'Traceback' in printed:
                    wrong.append(f'{what}: the exit status is {code!r}: {printed[-300:]}')
        (data / name).write_bytes(content)
        shutil.rmtree(root / 'scores', ignore_errors=True)


def _convert(wrong, root, data):
    good = data / 'edges'
    for kind, damaged in hostile_files()['.png'].items():
        (data / 'pngs').mkdir()
        for number, name in enumerate(('disk', 'bar'), start=1):
            (data / f'pngs/class_{number:03d}').mkdir()
            for index in range(2):
                edges = cv2.imread(str(good / name / f'{index}.png'), cv2.IMREAD_GRAYSCALE) > 99
                cv2.imwrite(str(data / f'pngs/class_{number:03d}/{index}.png'), edges * 255)
        (data / 'pngs/class_001/0.png').write_bytes(damaged)
        what = f'convert, {kind}'
        with wrong.attempt(what):
            code, printed = _run(convert_edge_bins.main, data / 'pngs', root / 'bins', '--names',
                                 'disk', 'bar')  # fmt: skip
            done = sorted(path.name for path in (root / 'bins').glob('*.bin'))
            if code is None or done != ['1.bin'] or 'Traceback' in printed:
                wrong.append(f'{what}: status {code!r}, done {done}: {printed[-300:]}')
        shutil.rmtree(data / 'pngs')
        shutil.rmtree(root / 'bins', ignore_errors=True)


def run_with_odd_names(root):
    """Names that are no text: the images are done like others, and the reports tell them."""
    wrong = Wrong()
    data = write_set(root / 'data', 2)
    odd = os.fsdecode(b'caf\xe9 \xff')
    try:
        for folder in ('images', 'labels', 'edges/disk', 'edges/bar'):
            (data / folder / '0.png').rename(data / folder / f'{odd}.png')
    except OSError:
        return 0, wrong  # this file system takes no such names
    out = root / 'out'
    words = ['--format', 'png', '--format-options', 'background=0', '--labels', data / 'labels',
             '--images', data / 'images', '--error-px', '3', '--workers', '0',
             '--out', out]  # fmt: skip
    with wrong.attempt('odd names, refine'):
        code, printed = _run(refine.main, *words)
        report = json.loads((out / 'report.json').read_text(encoding='utf-8'))
        if code not in (None, 0) or report['done'] != 2:
            wrong.append(f'odd names: {code!r}, {report["errors"]}, {printed[-300:]}')
        if not (out / 'labels' / f'{odd}.png').is_file():
            wrong.append('odd names: the labels are not there')
        for name in ('report.csv', 'contact_sheet.html'):
            (out / name).read_text(encoding='utf-8')
        (data / 'labels' / f'{odd}.png').write_bytes(b'')
        code, printed = _run(refine.main, *words)
        report = json.loads((out / 'report.json').read_text(encoding='utf-8'))
        if code != 1 or list(report['errors']) != [odd]:
            wrong.append(f'odd names, one bad: {code!r}, {report["errors"]}, {printed[-300:]}')
    _write_odd_names(wrong, root, data, odd)
    return wrong.tries, wrong


def _write_odd_names(wrong, root, data, odd):
    """The set in every other format; XML cannot hold such a name, and says so of it alone."""
    classes = ['classes.car=7', 'classes.person=9', 'classes.chair=11']
    shutil.copy(data / 'labels/1.png', data / 'labels' / f'{odd}.png')
    for name in ('coco', 'voc', 'labelme', 'sbd', 'cvat', 'label_studio'):
        words = ['--format', 'png', '--format-options', 'background=0', *classes, '--to', name]
        words += ['--to-options', *classes] if name == 'coco' else []
        with wrong.attempt(f'odd names, {name}'):
            code, printed = _run(
                refine.main, *words, '--labels', data / 'labels', '--images', data / 'images',
                '--error-px', '3', '--workers', '0', '--engine', 'geodesic', '--out', root / name,
            )  # fmt: skip
            report = json.loads((root / name / 'report.json').read_text(encoding='utf-8'))
            expected = [odd] if name == 'cvat' else []
            if list(report['errors']) != expected or (code or 0) != len(expected):
                wrong.append(f'odd names, {name}: {code!r} {report["errors"]} {printed[-200:]}')


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setenv('MMSTEAL_MAX_MEGAPIXELS', '2')  # 32 MB, so that bombs of 60 MB are too much


def fuzz_files(tries=40, seed=0):
    """All of it; how often something was tried, and what went wrong."""
    before = os.environ.get('MMSTEAL_MAX_MEGAPIXELS')
    os.environ['MMSTEAL_MAX_MEGAPIXELS'] = '2'
    total, wrong = 0, []
    try:
        with tempfile.TemporaryDirectory() as root:
            with limited_memory():
                found = [fuzz(Path(root) / fuzz.__name__, tries, seed) for fuzz in FUZZERS]
            found += [run(Path(root) / run.__name__) for run in RUNS]
    finally:
        del os.environ['MMSTEAL_MAX_MEGAPIXELS']
        if before is not None:
            os.environ['MMSTEAL_MAX_MEGAPIXELS'] = before
    for part, problems in found:
        total += part
        wrong += problems
    return total, wrong


FUZZERS = (fuzz_formats, fuzz_images, fuzz_edges, fuzz_checkpoints)
RUNS = (run_with_hostile_files, run_with_odd_names)


@pytest.mark.parametrize('fuzz', FUZZERS)
@pytest.mark.filterwarnings('ignore')
def test_damaged_files(tmp_path, fuzz):
    with limited_memory():
        _, wrong = fuzz(tmp_path / 'x', 20)
    assert not wrong, '\n'.join(wrong[:20])


@pytest.mark.parametrize('run', RUNS)
@pytest.mark.filterwarnings('ignore')
def test_whole_runs(tmp_path, run):
    _, wrong = run(tmp_path / 'x')
    assert not wrong, '\n'.join(wrong[:20])
