"""Score predictions that any method wrote to disk.

python tools/eval_edges.py --data sbd data/sbd --protocol seal --max-dist 0.02 \
    --pred mine=results/ --out work_dirs/eval

docs/evaluation.md explains the layouts, the protocols and the results.
"""

import argparse
import os
from dataclasses import replace

import torch

from mmsteal.cli.evaluation_arguments import (
    add_ground_truth_arguments,
    add_protocol_arguments,
    ground_truth_from,
    image_names_from,
    protocol_from,
)
from mmsteal.edge_files import PredictionFolder, class_indices
from mmsteal.file_evaluation.evaluate import EvaluationResult, evaluate_files
from mmsteal.file_evaluation.pr_curves import write_pr_curves
from mmsteal.file_evaluation.result_files import worst_images, write_results


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Score predicted boundaries on disk.', epilog='See docs/evaluation.md.'
    )
    group = parser.add_argument_group('predictions')
    group.add_argument(
        '--pred', action='append', required=True, metavar='[NAME=]FOLDER',
        help='predictions of a method; give several to have them in one plot',
    )  # fmt: skip
    group.add_argument(
        '--label-maps', choices=['files', 'index'],
        help="the predictions are label maps of a segmentor, with the values of the data set's "
        'own files, or 0..K-1 and K for background',
    )  # fmt: skip
    group.add_argument('--classes', nargs='+', help='only these: names, or numbers from 1')
    group.add_argument(
        '--missing', choices=['error', 'empty'], default='error',
        help='a file that is missing stops the run, or counts as a prediction of nothing',
    )  # fmt: skip
    add_ground_truth_arguments(parser)
    add_protocol_arguments(parser)
    group = parser.add_argument_group('scores and results')
    group.add_argument('--out', required=True, help='folder for the results')
    group.add_argument(
        '--absent', choices=['nan', 'zero'], default='nan',
        help='a class without ground truth is left out of the mean, or counts as 0',
    )  # fmt: skip
    group.add_argument(
        '--absent-image', choices=['best', 'first'], default='best',
        help='OIS threshold of an image without the class: the best, or historically the first',
    )  # fmt: skip
    group.add_argument('--no-plots', action='store_true', help='no pictures of the curves')
    group.add_argument(
        '--workers', type=int, default=len(os.sched_getaffinity(0)), help='threads (all cores)'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)  # the images are what runs in parallel
    try:
        result = evaluate(args)
    except (ValueError, TypeError, FileNotFoundError) as error:
        raise SystemExit(f'error: {error}') from error
    except KeyboardInterrupt:
        raise SystemExit('\ninterrupted; the same command goes on from here') from None
    report(result, args)


def evaluate(args: argparse.Namespace) -> EvaluationResult:
    truth = ground_truth_from(args)
    classes = class_indices(args.classes, truth.class_names)
    kind = 'label_map' if args.label_maps else 'scores'
    predictions = {}
    for given in args.pred:
        name, equals, folder = given.partition('=')
        if not equals or '/' in name:  # no name, a folder
            name, folder = os.path.basename(os.path.abspath(given)), given
        if name in predictions:
            raise ValueError(f'Expected methods of different names, but got {name} twice.')
        predictions[name] = PredictionFolder(folder, truth.class_names, classes=classes, kind=kind)
    return evaluate_files(
        predictions,
        truth,
        protocol_from(args),
        os.path.join(args.out, 'counts'),
        names=image_names_from(args),
        max_dists=args.max_dist or None,
        missing=args.missing,
        label_values=args.label_maps or 'files',
        absent=args.absent,
        absent_image=args.absent_image,
        num_workers=args.workers,
        progress=True,
    )


def report(result: EvaluationResult, args: argparse.Namespace) -> None:
    for name, method in result.methods.items():
        if method.num_reused:
            print(f'{name}: counts of {method.num_reused} images were there from an earlier run')
        for scores in method.scores:
            protocol = replace(method.protocol, max_dist=scores.max_dist)
            print(f'\n{name}: {len(result.names)} images, in percent; {protocol.label}; mean over '
                  f'{scores.mean.num_classes} of {len(scores.names)} classes')  # fmt: skip
            print(scores.table())
        worst = ', '.join(f'{image} {100 * f:.1f}' for image, f in worst_images(result, name))
        print(f'worst images (F at the best threshold of the set): {worst}')
        if method.missing:
            print(f'WARNING: {len(method.missing)} missing files counted as empty, the first: '
                  f'{", ".join(method.missing[0])}')  # fmt: skip
    files = write_results(result, args.out)
    if not args.no_plots:
        files += write_pr_curves(result, os.path.join(args.out, 'pr'))[-1:]
    print(f'\nwritten: {", ".join(str(f) for f in files)}')


if __name__ == '__main__':
    main()
