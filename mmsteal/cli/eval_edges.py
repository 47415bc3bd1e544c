"""Score predictions that any method wrote to disk: mmsteal eval.

mmsteal eval --data sbd data/sbd --protocol seal --max-dist 0.02 --pred mine=results/ \
    --out work_dirs/eval

docs/evaluation.md explains the layouts, the protocols and the results.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmsteal.cli.command import command
from mmsteal.cli.evaluation_arguments import (
    add_ground_truth_arguments,
    add_protocol_arguments,
    ground_truth_from,
    image_names_from,
    protocol_from,
)
from mmsteal.cli.user_errors import user_errors
from mmsteal.cli.worker_arguments import add_workers

if TYPE_CHECKING:
    from mmsteal.edge_files import PredictionFolder
    from mmsteal.file_evaluation import EvaluationJob, EvaluationResult, GroundTruth


@dataclass(frozen=True)
class EvaluationRun:
    """A run of the command.

    Attributes:
        job (EvaluationJob): What is scored, and how.
        out_dir (Path): Folder of the results; counts of images go to its folder `counts`.
        plots (bool): Whether to draw the curves.
        num_workers (int): Threads.
    """

    job: EvaluationJob
    out_dir: Path
    plots: bool = True
    num_workers: int = 2


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal eval',
        description='Score predicted boundaries on disk.',
        epilog='See docs/evaluation.md.',
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
    add_workers(group)
    return parser


@command(again='the same command resumes')
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    from mmsteal.file_evaluation import evaluate_files
    from mmsteal.jobs import one_run, writing_to
    from mmsteal.jobs.workers import use_one_thread

    use_one_thread()
    with user_errors():
        run = run_from(args)
        check_places(run)
        with one_run(run.out_dir):
            result = evaluate_files(
                run.job, run.out_dir / 'counts', num_workers=run.num_workers, progress=True
            )
            with writing_to(run.out_dir):
                report(result, run)


def run_from(args: argparse.Namespace) -> EvaluationRun:
    """What the arguments ask for.

    Raises:
        FileNotFoundError: If a folder or a list is missing.
        ValueError: If the arguments do not go together.
    """
    from mmsteal.file_evaluation import EvaluationJob

    truth = ground_truth_from(args)
    job = EvaluationJob(
        truth,
        _predictions_from(args, truth),
        protocol_from(args),
        max_dists=args.max_dist,
        names=image_names_from(args, truth),
        missing=args.missing,
        label_values=args.label_maps or 'files',
        absent=args.absent,
        absent_image=args.absent_image,
    )
    return EvaluationRun(job, Path(args.out), not args.no_plots, args.workers)


def check_places(run: EvaluationRun) -> None:
    """Refuse to write over what is scored.

    Raises:
        ValueError: If predictions or truth lie where results would go.
    """
    from mmsteal.jobs import check_out_dir

    job = run.job
    sources = {f'predictions {name}': folder.root for name, folder in job.predictions.items()}
    check_out_dir(run.out_dir, ('counts', 'pr'), sources, inside=True)
    truth = {
        path.parent for name in job.image_names for path in job.truth.files(name, job.protocol)
    }
    for folder in truth:
        check_out_dir(run.out_dir, ('counts', 'pr'), {'ground truth': folder}, inside=True)


def _predictions_from(args: argparse.Namespace, truth: GroundTruth) -> dict[str, PredictionFolder]:
    """Folders of predictions by name of method."""
    from mmsteal.edge_files import PredictionFolder, class_indices

    classes = class_indices(args.classes, truth.class_names)
    kind: Literal['scores', 'label_map'] = 'label_map' if args.label_maps else 'scores'
    predictions = {}
    for given in args.pred:
        name, equals, folder = given.partition('=')
        if not equals or '/' in name:  # no name, a folder
            name, folder = os.path.basename(os.path.abspath(given)), given
        if name in predictions:
            raise ValueError(f'Expected methods of different names, but got {name} twice.')
        predictions[name] = PredictionFolder(folder, truth.class_names, classes=classes, kind=kind)
    return predictions


def report(result: EvaluationResult, run: EvaluationRun) -> None:
    """Print the scores, and write them to files."""
    from mmsteal.file_evaluation.pr_curves import write_pr_curves
    from mmsteal.file_evaluation.result_files import worst_images, write_results

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
        if not method.counts[..., 3].any():
            print(f'WARNING: {name} predicts no edge in any image, at any threshold')
        if method.missing:
            print(f'WARNING: {len(method.missing)} missing files counted as empty, the first: '
                  f'{", ".join(method.missing[0])}')  # fmt: skip
    files = write_results(result, run.out_dir)
    if run.plots:
        files += write_pr_curves(result, run.out_dir / 'pr')[-1:]
    print(f'\nwritten: {", ".join(str(f) for f in files)}')
