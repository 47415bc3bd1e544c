"""The runs of the campaign: one for each command, or part of one, that writes many files."""

import json

import numpy as np
import torch
from mmengine.registry import init_default_scope
from PIL import Image

from mmsteal.cli import convert_edge_bins, eval_edges, refine, simulate_coarse_labels
from mmsteal.cli import write_edge_labels as edge_labels
from tests.engine.disk_set import DiskModel, disk_dataset, make_aligner, write_disks
from tests.faults.campaign import Scenario
from tests.faults.toy_training import run_training, trained, write_config
from tests.refinement.folders import write_set

_PNG = ['--format-options', 'background=0', 'classes.disk=7', 'classes.bar=9', 'classes.sky=11']


def all_scenarios(root):
    """All of them, with what they read in a folder."""
    makers = (
        refine_scenario, refine_coco_scenario, simulate_scenario, evaluate_scenario,
        labels_scenario, bins_scenario, training_scenario, epochs_scenario, alignment_scenario,
    )  # fmt: skip
    return [make(root / make.__name__) for make in makers]


def files_of(folder):
    """All files of a result, but for the times in it."""
    found = {}
    for path in sorted(folder.rglob('*')):
        if path.is_file() and path.suffix != '.part':  # those are told on their own
            content = path.read_bytes()
            if path.name == 'report.json':
                report = json.loads(content)
                del report['seconds'], report['skipped']
                content = json.dumps(report)
            found[path.relative_to(folder).as_posix()] = content
    return found


def command(main, *words):
    """A command that runs in this process, with its output folder at the end."""

    def run(folder):
        main([*map(str, words), str(folder)])

    return run


def refine_scenario(root):
    """Labels by the edges of files, with reports, crops and a page."""
    data = write_set(root, 2)
    run = command(
        refine.main, '--format', 'png', '--labels', data / 'labels', '--images', data / 'images',
        *_PNG, '--edges', data / 'edges', '--error-px', '6', '--engine', 'level_set', '--workers',
        '0', '--out',
    )  # fmt: skip
    return Scenario('refine', run, files_of, data)


def refine_coco_scenario(root):
    """One file for all images, put together at the end."""
    data = write_set(root, 2)
    images, annotations = [], []
    for index in range(2):
        images.append({'id': index, 'file_name': f'{index}.png', 'height': 48, 'width': 64})
        annotations.append({
            'id': index + 1, 'image_id': index, 'category_id': 7, 'iscrowd': 0, 'area': 400,
            'bbox': [12, 14, 18, 20],
            'segmentation': [[12.0, 14.0, 30.0, 14.0, 30.0, 34.0, 12.0, 34.0]],
        })  # fmt: skip
    document = {
        'images': images, 'annotations': annotations, 'categories': [{'id': 7, 'name': 'disk'}]
    }  # fmt: skip
    (data / 'coco').mkdir()
    (data / 'coco/instances.json').write_text(json.dumps(document))
    run = command(
        refine.main, '--format', 'coco', '--labels', data / 'coco/instances.json', '--images',
        data / 'images', '--edges', data / 'edges', '--error-px', '6', '--engine', 'level_set',
        '--contact-sheet', '0', '--workers', '0', '--out',
    )  # fmt: skip
    return Scenario('refine coco', run, files_of, data)


def simulate_scenario(root):
    """Two errors of each image."""
    data = write_set(root, 2)
    run = command(
        simulate_coarse_labels.main, '--format', 'png', '--labels', data / 'labels', '--images',
        data / 'images', *_PNG, '--error-px', '2', '4', '--out',
    )  # fmt: skip
    return Scenario('simulate', run, files_of, data)


def evaluate_scenario(root):
    """Counts an image, then tables."""
    data = write_set(root, 2)
    run = command(
        eval_edges.main, '--data', 'folder', data / 'labels', '--names', 'bar', 'disk',
        '--label-values', '9', '7', '--background', '0', '11', '--pred',
        f'mine={data / "edges"}', '--thresholds', '3', '--workers', '1', '--no-plots', '--out',
    )  # fmt: skip
    return Scenario('evaluate', run, files_of, data)


def labels_scenario(root):
    """True edges of label maps, as PNGs."""
    data = write_set(root, 2)
    run = command(
        edge_labels.main, '--data', 'folder', data / 'labels', '--names', 'bar', 'disk',
        '--label-values', '9', '7', '--background', '0', '11', '--workers', '1',
    )  # fmt: skip
    return Scenario('convert labels', run, files_of, data)


def bins_scenario(root):
    """Edges as bits, to PNGs."""
    (root / 'bins').mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in 'ab':
        rng.integers(0, 4, (20, 30)).astype(np.uint32).tofile(root / f'bins/{name}.bin')

    def run(folder):
        convert_edge_bins.main([
            str(root / 'bins'), str(folder), '--names', 'a', 'b', '--size', '20', '30',
        ])  # fmt: skip

    return Scenario('convert bins', run, files_of, root)


def training_scenario(root):
    """Checkpoints by iterations, one kept, and the best."""
    root.mkdir(parents=True)
    config = write_config(root / 'config.py')
    return Scenario('train', lambda folder: run_training(config, folder), trained)


def epochs_scenario(root):
    """Checkpoints by epochs, two kept, and the best by two scores, validated more often."""
    root.mkdir(parents=True)
    config = write_config(
        root / 'config.py', by_epoch=True, keep=2, bests=2, total=5, val_interval=1
    )
    return Scenario('train by epochs', lambda folder: run_training(config, folder), trained)


def alignment_scenario(root):
    """A round of the labels of a training set."""
    write_disks(root, 2)

    def run(folder):
        init_default_scope('mmseg')
        torch.manual_seed(0)
        aligner = make_aligner(folder, disk_dataset(root))
        if aligner.align_all(DiskModel(), 5) is None:
            return 'the disk has refused'
        return 0

    def result(folder):
        for path in folder.rglob('*.png'):
            Image.open(path).load()
        return files_of(folder)

    return Scenario('alignment', run, result, root, command=False)
