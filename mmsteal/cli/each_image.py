"""Work on one image after another that a bad file does not stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from mmsteal.cli.user_errors import tell_problems

if TYPE_CHECKING:
    from mmsteal.jobs import Workers

Result = TypeVar('Result')


def do_each(
    names: Sequence[str],
    work: Callable[[str], Result],
    problems: dict[str, str],
    *,
    workers: Workers | None = None,
) -> list[Result]:
    """Do the work on each image; what is wrong with one is told, and the others are done.

    Args:
        names: Names of the images.
        work: What to do; an `OutputError` ends it.
        problems: Takes the images that cannot be done -> what is wrong.
        workers: Who does it; None: this process.

    Returns:
        What the work returned for the others.

    Raises:
        ValueError: If no image can be done: the first problem.
        OutputError: If the disk refuses.
    """
    from mmsteal.jobs import Job, run_job

    results: list[Result] = []
    job: Job[str, str, tuple[Result]] = Job(lambda name: (work(name),), label='edges')
    for found in run_job(job, names, workers=workers):
        if found.result is None:
            problems[found.item] = str(found.error)
        else:
            results += found.result
    if problems and not results:
        raise ValueError(next(iter(problems.values())))
    return results


@contextmanager
def problems_told() -> Iterator[dict[str, str]]:
    """Collect problems, and end with them: a line each, how many, and exit status 1.

    Raises:
        SystemExit: If there were any.
    """
    problems: dict[str, str] = {}
    yield problems
    if problems:
        tell_problems('not done:', problems)
        raise SystemExit(f'error: {len(problems)} could not be done; the others are.')
