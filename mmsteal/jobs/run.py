"""A job over many items: our share of it, what an earlier run left, and the rest of the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from mmsteal.jobs.output import OutputError
from mmsteal.jobs.progress import Say, progress_bar
from mmsteal.jobs.ranks import Ranks
from mmsteal.jobs.workers import Item, Outcome, Result, Task, Workers, run_tasks


def _itself(item: Any) -> Any:
    return item


def _nothing(item: Any) -> None:
    return None


@dataclass(frozen=True)
class Job(Generic[Item, Task, Result]):
    """What to do with each of many items.

    The job keeps its own results, as with :class:`mmsteal.jobs.Records`: `work` writes the results
    of an item and its record last, `kept` reads them. So a run that was killed resumes.

    Attributes:
        work (Callable[[Task], Result]): Does one item. Worker processes get it pickled, so it
            should be small.
        name (Callable[[Item], str]): What an item is called in errors.
        task (Callable[[Item], Task]): Makes what the work needs of an item, in the process that
            runs the job, when a worker has room: what is large travels with its item.
        kept (Callable[[Item], Result | None]): The result that an earlier run left, if it is what
            the work would make; None if the item is to be done.
        check (Callable[[Item], object] | None): Looks at each item that is to be done before the
            first one is; what it raises stops the run.
        fatal (tuple[type[Exception], ...]): Errors of the work that stop the run. Any other one is
            told with its item, and the rest goes on.
        label (str): What stands in front of the progress.
    """

    work: Callable[[Task], Result]
    name: Callable[[Item], str] = str
    task: Callable[[Item], Task] = _itself
    kept: Callable[[Item], Result | None] = _nothing
    check: Callable[[Item], object] | None = None
    fatal: tuple[type[Exception], ...] = (OutputError,)
    label: str = 'job'


def run_job(
    job: Job[Item, Task, Result],
    items: Sequence[Item],
    *,
    workers: Workers | None = None,
    ranks: Ranks | None = None,
    progress: bool | Say = True,
) -> Iterator[Outcome[Item, Result]]:
    """Run a job, and tell of each item of our share as soon as it is done.

    Nothing is kept of the outcomes, so memory does not grow with the number of items.

    Args:
        job: What to do.
        items: All items, in the same order on all ranks.
        workers: Who does the work; None: this process.
        ranks: Which share is ours; None: all.
        progress: Show how far it is; see :func:`mmsteal.jobs.progress.progress_bar`.

    Yields:
        What became of an item: first of those that an earlier run had done, then of the others, in
        any order.

    Raises:
        OutputError: If the results cannot be written, or a worker was killed.

    Example:
        >>> import tempfile
        >>> from mmsteal.jobs import Origin, Records, fingerprint
        >>> records, origin = Records(tempfile.mkdtemp()), Origin(fingerprint({'power': 2}))
        >>> job = Job(
        ...     work=lambda n: records.write(str(n), origin, {'square': n**2}),
        ...     kept=lambda n: records.read_current(str(n), origin),
        ... )
        >>> for numbers in (range(2), range(3)):
        ...     for found in run_job(job, numbers, progress=False):
        ...         print(found.result['square'], 'kept' if found.kept else 'done')
        0 done
        1 done
        0 kept
        1 kept
        4 done
    """
    workers, ranks = workers or Workers(), ranks or Ranks()
    share = ranks.share(items)
    # Looking at files does not need processes, into which all would have to be copied.
    lookers = workers if workers.kind == 'thread' else Workers()
    waiting = set(range(len(share)))
    for found in run_tasks(
        range(len(share)),
        share.__getitem__,
        job.kept,
        workers=lookers,
        fatal=(Exception,),
    ):
        if found.result is not None:
            waiting.remove(found.item)
            yield Outcome(share[found.item], found.result, kept=True)
    todo = [share[index] for index in sorted(waiting)]
    if not todo:
        return
    if job.check is not None:
        checked = run_tasks(todo, _itself, job.check, workers=lookers, fatal=(Exception,))
        with progress_bar(len(todo), label='checking files', shown=progress) as bar:
            for _ in checked:
                bar.update()
    label = f'{job.label}, rank {ranks.rank} of {ranks.world}' if ranks.world > 1 else job.label
    num_errors = 0
    done = run_tasks(
        todo, job.task, job.work, workers=workers, fatal=job.fatal, name=job.name
    )  # fmt: skip
    with progress_bar(
        len(share), initial=len(share) - len(todo), label=label, shown=progress
    ) as bar:
        for outcome in done:
            if outcome.error is not None:
                num_errors += 1
                bar.set_postfix(errors=num_errors, refresh=False)
            bar.update()
            yield outcome
