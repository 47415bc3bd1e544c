"""What the report of the demo tells, section by section."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmsteal.apis import EdgeInferencer
from mmsteal.datasets.demo_set import preview_demo_set
from mmsteal.datasets.transforms.coarsen import coarsen
from mmsteal.demo.pictures import outlined, read_photo, read_png, side_by_side
from mmsteal.evaluation import EdgeMetric, boundary_protocol, label_error
from mmsteal.files import write_file
from mmsteal.functional import edge_nms, refine_label_map
from mmsteal.functional.refinement.refine_engines import Engine
from mmsteal.visualization import colorize_edges, relative_strength
from mmsteal.visualization.report import Figure, Paragraph, Section, Table
from mmsteal.visualization.training_curves import plot_training_curves

COARSE_PX = (4, 8, 16, 32)


def set_section(data: Path, meta: dict) -> Section:
    """The set: some of its images, and how far its labels are off."""
    found = meta['statistics']
    noise = found['noisy_labels']
    statistics = [
        ['training images', meta['parameters']['num_train']],
        ['validation images', meta['parameters']['num_val']],
        ['objects in a training image, mean', found['train']['objects_per_image']],
        ['error of the training labels, px: mean', noise['mean_px_noisy_to_exact']],
        ['error of the training labels, px: largest', noise['max_px_noisy_to_exact']],
        ['IoU of a noisy with its exact mask, mean', noise['mean_iou']],
    ]
    return Section(
        'The set',
        [
            Paragraph(
                'Textured objects cut from one photograph over another. The network sees the '
                'noisy labels only.'
            ),
            Figure(preview_demo_set(data), 'Training images, their exact edges, their labels.'),
            Table(['statistic', 'value'], statistics),
        ],
    )


def training_section(folder: Path) -> Section:
    """Curves of the training, of all runs that were logged in a folder."""
    # A run that was killed and resumed has logged in several folders; the later one wins.
    by_step: dict[int, dict] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            by_step.setdefault(record['step'], {}).update(record)
    scalars = folder / 'scalars.json'
    write_file(scalars, '\n'.join(json.dumps(by_step[step]) for step in sorted(by_step)))
    panels = [
        ['decode.loss_bce', 'decode.loss_dir'],
        ['decode.loss_nms'],
        ['decode.prob_on_edge', 'decode.prob_off_edge'],
        ['edge/MF_ODS', 'edge/AP'],
    ]
    return Section(
        'Training',
        [
            Figure(
                plot_training_curves(scalars, panels),
                'Losses, probabilities, validation. Where the cross entropy stops being balanced, '
                "half-way in the demo's config, its sum rises and all responses fall; what counts "
                'from then on is how they compare.',
            )
        ],
    )


def alignment_sections(folder: Path, data: Path, number: int = 4) -> list[Section]:
    """What became of the training labels; nothing if the config aligns none."""
    rounds = sorted(folder.glob('iter_*[0-9]'), key=lambda f: int(f.name.removeprefix('iter_')))
    if not rounds:
        return []
    exact = data / 'instances/train'
    files = sorted(file.name for file in exact.iterdir())
    folders = {'as given': data / 'noisy_instances/train'}
    for found in rounds:
        folders[f'aligned at iteration {found.name.removeprefix("iter_")}'] = found / 'instances'
    rows = []
    for name, labels in folders.items():
        error = label_error((read_png(exact / f), read_png(labels / f)) for f in files)
        rows.append([name, error.px, error.iou])
    pictures = []
    for file in files[:number]:
        image = read_photo(data / 'images/train' / file.replace('.png', '.jpg'))
        pictures.append(
            side_by_side(
                [
                    outlined(image, read_png(exact / file), read_png(labels / file))
                    for labels in (folders['as given'], rounds[-1] / 'instances')
                ]
            )
        )
    return [
        Section(
            'Training labels: active alignment',
            [
                Paragraph(
                    'While the network learns, level sets move the labels to where it sees edges. '
                    'It never sees the exact labels; they are used for this table only.'
                ),
                Table(
                    ['training labels', 'distance to the exact outline, px', 'IoU'],
                    rows,
                    caption='Mean over all objects of the training set.',
                ),
                Figure(
                    np.vstack(pictures),
                    'Labels in red, exact outlines in white: as given, and after the last round.',
                ),
            ],
        )
    ]


def repair_section(edges: dict[str, np.ndarray], data: Path, shown_px: int = 16) -> Section:
    """Coarse labels of the validation images, before and after their repair."""
    engines: dict[str, Engine] = {'level sets': 'level_set', 'joint labelling': 'joint'}
    kinds = ['coarse', *engines]
    pairs: dict[tuple[int, str], list] = {}
    pictures: list[np.ndarray] = []
    for name, prob in edges.items():
        labels, instances = (
            read_png(data / kind / 'val' / f'{name}.png') for kind in ('labels', 'instances')
        )
        image = read_photo(data / 'images/val' / f'{name}.jpg')
        for error_px in COARSE_PX:
            coarse, ids = coarsen(labels, instances, error_px, background=0, ignore_index=255)
            found = {'coarse': ids}
            for kind, engine in engines.items():
                repaired = refine_label_map(
                    coarse, prob, image=image, engine=engine, instance_map=ids, background=0,
                    error_px=error_px,
                ).instance_map  # fmt: skip
                assert repaired is not None  # instances were given
                found[kind] = repaired
            for kind in kinds:
                pairs.setdefault((error_px, kind), []).append((instances, found[kind]))
            if error_px == shown_px and len(pictures) < 4:
                panels = [outlined(image, instances, found[kind], zoom=2) for kind in kinds]
                pictures.append(side_by_side(panels))
    rows = []
    for error_px in COARSE_PX:
        errors = [label_error(pairs[error_px, kind]) for kind in kinds]
        rows.append([error_px, *(100 * e.iou for e in errors), *(e.px for e in errors)])
    return Section(
        'Coarse labels, repaired',
        [
            Paragraph(
                'The validation labels, drawn as an annotator in a hurry would, and moved to the '
                'edges that the network predicts: each object by its level set, as in the paper, '
                'and all at once by the joint labelling, which sees the colors, too.'
            ),
            Table(
                ['error at most, px', *(f'IoU, %: {kind}' for kind in kinds),
                 *(f'distance, px: {kind}' for kind in kinds)],
                rows,
                digits=1,
            ),
            Figure(
                np.vstack(pictures),
                f'Error of {shown_px} px: labels in red, exact ones in white; coarse, moved by '
                'level sets, by the joint labelling.',
            ),
        ],
    )  # fmt: skip


def score_section(metrics: dict[str, EdgeMetric], classes: tuple[str, ...]) -> Section:
    """Scores of all classes by each protocol."""
    header = ['class']
    columns = [[*classes, 'mean']]
    for name, metric in metrics.items():
        header += [f'MF(ODS) {name}', f'AP {name}']
        for key in ('ods_f', 'ap'):
            values = [getattr(s, key) for s in (*metric.scores, metric.mean)]
            columns.append([100 * v for v in values])
    rows = [list(row) for row in zip(*columns, strict=True)]
    protocol = next(iter(metrics.values())).protocol.label
    return Section(
        'Scores in percent',
        [Table(header, rows, caption=f'Protocol: {protocol}; raw columns likewise.', digits=1)],
    )


def picture_section(
    inferencer: EdgeInferencer, edges: dict[str, np.ndarray], data: Path, number: int = 6
) -> Section:
    """Images beside their exact and their predicted edges."""
    protocol = boundary_protocol(mode='raw', radius=1, instance_sensitive=True)
    rows = []
    for path in sorted((data / 'images/val').glob('*.jpg'))[:number]:
        labels, instances = (
            read_png(data / kind / 'val' / f'{path.stem}.png') for kind in ('labels', 'instances')
        )
        truth = protocol.ground_truth(
            labels, len(inferencer.classes), background=0, instance_map=instances
        )
        found = edges[path.stem]
        panels = [
            read_photo(path),
            colorize_edges(truth, inferencer.palette),
            *(
                colorize_edges(relative_strength(prob), inferencer.palette, floor=0.5)
                for prob in (found, edge_nms(found))
            ),
        ]
        rows.append(side_by_side([np.repeat(np.repeat(p, 2, axis=0), 2, axis=1) for p in panels]))
    return Section(
        'Validation images',
        [
            Figure(
                np.vstack(rows),
                'Image, exact edges, predicted edges, the same after test NMS (color = class).',
            )
        ],
    )
