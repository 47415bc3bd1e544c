"""Tasks done by processes or threads, a bounded number at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from mmsteal.jobs.output import OutputError

Item = TypeVar('Item')
Task = TypeVar('Task')
Result = TypeVar('Result')


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes:
        number (int): Number of workers; 0: this process, one task after the other.
        kind (str): `'process'`: each has one thread, and gets the work pickled. `'thread'`: for
            work that releases Python's lock.
    """

    number: int = 0
    kind: Literal['process', 'thread'] = 'process'

    def __post_init__(self) -> None:
        if self.kind not in ('process', 'thread'):
            raise ValueError(
                f"Expected `kind` of Workers to be 'process' or 'thread', but got {self.kind!r}."
            )
        if self.number < 0:
            raise ValueError(f'Expected `number` of Workers to be >= 0, but got {self.number}.')


class Outcome(NamedTuple, Generic[Item, Result]):
    """What became of an item.

    Attributes:
        item (Item): The item.
        result (Result | None): What the work returned; None after an error.
        error (str | None): What was wrong; None if all went well.
        kept (bool): Whether the result is that of an earlier run.
    """

    item: Item
    result: Result | None
    error: str | None = None
    kept: bool = False


def run_tasks(
    items: Iterable[Item],
    task: Callable[[Item], Task],
    work: Callable[[Task], Result],
    *,
    workers: Workers,
    fatal: tuple[type[Exception], ...] = (OutputError,),
    name: Callable[[Item], str] = str,
) -> Iterator[Outcome[Item, Result]]:
    """Do the work on many items, in any order.

    At most two tasks a worker are under way, so memory does not grow with the number of items.

    Args:
        items: Drawn from only when a worker has room.
        task: Makes, in this process, what the work needs of an item: what is large travels with
            its item, and is gone when the item is done.
        work: What to do. Processes get it pickled, once each.
        workers: Who does it.
        fatal: Errors that stop everything. Any other is told in the outcome of its item.
        name: What an item is called in errors.

    Raises:
        OutputError: If a worker was killed.
    """
    if workers.number == 0:
        for item in items:
            yield Outcome(item, *_attempt(lambda item: work(task(item)), item, fatal))
        return
    threads = workers.kind == 'thread'
    pool = _thread_pool(workers.number) if threads else _process_pool(workers.number, work, fatal)
    under_way: dict[Future[tuple[Any, str | None]], Item] = {}
    try:
        for item in items:
            made, error = _attempt(task, item, fatal)
            if error is not None:
                yield Outcome(item, None, error)
                continue
            if threads:
                future = pool.submit(_attempt, work, made, fatal)
            else:
                future = pool.submit(_attempt_here, made)
            del made  # it may be large
            under_way[future] = item
            if len(under_way) >= 2 * workers.number:
                yield from _collect(under_way)
        while under_way:
            yield from _collect(under_way)
    except BrokenProcessPool as error:
        names = ', '.join(sorted(name(item) for item in under_way.values()))
        raise OutputError(
            f'A worker was killed while it did one of {names}; where memory ran out, take fewer '
            '--workers. The same command resumes.'
        ) from error
    finally:
        # A thread cannot be left behind.
        pool.shutdown(wait=threads or not under_way, cancel_futures=True)


def _collect(
    under_way: dict[Future[tuple[Any, str | None]], Item],
) -> Iterator[Outcome[Item, Any]]:
    """Take what is done out of `under_way`."""
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        result, error = future.result()
        yield Outcome(under_way.pop(future), result, error)


def _attempt(
    work: Callable[[Any], Any], task: Any, fatal: tuple[type[Exception], ...]
) -> tuple[Any, str | None]:
    """Result and error: whatever is wrong with an item is told, and the others go on."""
    try:
        return work(task), None
    except fatal:
        raise
    except Exception as error:
        if isinstance(error, ValueError | OSError):
            return None, str(error)
        return None, f'{type(error).__name__}: {error}'


def _thread_pool(number: int) -> Executor:
    return ThreadPoolExecutor(number, 'worker')


def _process_pool(
    number: int, work: Callable[[Any], Any], fatal: tuple[type[Exception], ...]
) -> Executor:
    # Never a fork of a process that has used a GPU or threads. A fork server imports only once.
    if 'forkserver' in multiprocessing.get_all_start_methods():
        context: Any = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload([__name__, _module_of(work)])
    else:
        context = multiprocessing.get_context('spawn')
    return ProcessPoolExecutor(number, context, _start_process, (work, fatal))


def _module_of(work: Callable[[Any], Any]) -> str:
    found: str = getattr(work, '__module__', None) or type(work).__module__
    return found


_own: tuple[Callable[[Any], Any], tuple[type[Exception], ...]] | None = None


def _start_process(work: Callable[[Any], Any], fatal: tuple[type[Exception], ...]) -> None:
    global _own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()
    use_one_thread()
    _own = work, fatal


def use_one_thread() -> None:
    """Let libraries compute on one thread, where images are what runs in parallel."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _leave_with(sentinel: int) -> None:
    """A worker whose parent was killed would wait for work for ever."""
    connection.wait([sentinel])
    os._exit(1)


def _attempt_here(task: Any) -> tuple[Any, str | None]:
    assert _own is not None  # _start_process has set it
    work, fatal = _own
    return _attempt(work, task, fatal)
