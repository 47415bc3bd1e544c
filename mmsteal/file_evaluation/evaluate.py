"""Score predictions on disk against a data set on disk: checked first, parallel, resumable."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmsteal.evaluation.score_report import class_scores
from mmsteal.file_evaluation.counting import Counted, ImageCounter
from mmsteal.file_evaluation.job import EvaluationJob
from mmsteal.file_evaluation.results import EvaluationResult, MethodResult
from mmsteal.jobs import Job, Workers, run_job


def evaluate_files(
    job: EvaluationJob,
    cache_dir: str | Path,
    *,
    num_workers: int = 2,
    progress: bool = False,
) -> EvaluationResult:
    """Score one or more methods.

    All files are looked for before the first is matched. The counts of each image are kept in
    `cache_dir` with a hash of the protocol and of its files (path, size, time of change), so a
    run that was interrupted resumes, and one with other settings or other files begins anew.
    Results depend neither on the number of workers nor on the order of the images.

    Args:
        job: What is compared, and how.
        cache_dir: Folder for the counts.
        num_workers: Threads.
        progress: Show a progress bar.

    Returns:
        The scores.

    Raises:
        FileNotFoundError: If a prediction or the truth of an image is missing; named.
        ValueError: If a file does not hold what it should; named. If no image has a true edge of
            the classes: then there is nothing to score, and the values of the labels are named.
        OutputError: If the disk refuses the counts.
    """
    if num_workers < 1:
        raise ValueError(f'Expected argument `num_workers` to be at least 1, got {num_workers}.')
    lacking = job.missing_files()
    counter = ImageCounter(job, cache_dir)
    counted: dict[str, dict[str, Counted]] = {}
    outcomes = run_job(
        Job(
            work=counter,
            kept=counter.kept,
            check=counter.check,
            fatal=(Exception,),
            label='matching',
        ),
        job.image_names,
        workers=Workers(num_workers, 'thread'),
        progress=progress,
    )
    for outcome in outcomes:
        assert outcome.result is not None  # any error stops the run
        counted[outcome.item] = outcome.result
    if not any(found.counts[..., 1].any() for of in counted.values() for found in of.values()):
        raise ValueError(
            f'Expected true edges of {", ".join(job.class_names)}, but none of the '
            f'{len(job.image_names)} images has one, so nothing can be scored. '
            f'{job.truth.held}'.rstrip()
        )
    methods = {}
    for method in job.predictions:
        of_method = [counted[name][method] for name in job.image_names]
        counts = np.stack([found.counts for found in of_method])
        scores = class_scores(
            counts,
            job.class_names,
            job.protocol_of(method),
            job.max_dists,
            absent=job.absent,
            absent_image=job.absent_image,
        )
        reused = sum(found.reused for found in of_method)
        methods[method] = MethodResult(
            job.protocol_of(method), counts, scores, lacking[method], reused
        )
    return EvaluationResult(
        job.shared_protocol, tuple(job.max_dists), job.image_names, job.class_names, methods
    )
