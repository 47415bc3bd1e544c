"""Images refined by processes, a bounded number at a time, while the caller makes more edges."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import NamedTuple

import cv2
import numpy as np
import torch

from mmsteal.label_formats import LabelItem
from mmsteal.refinement.refine_file import FileRefiner, OutputError
from mmsteal.refinement.settings import RefineSettings


class Task(NamedTuple):
    """An image to refine; `edges` is None where they come from files, or why there are none."""

    item: LabelItem
    edges: np.ndarray | Exception | None = None


class Outcome(NamedTuple):
    """What became of an image; `error` is None if all went well."""

    item: LabelItem
    error: str | None


def refine_all(
    tasks: Iterable[Task], refiner: FileRefiner, *, num_workers: int
) -> Iterator[Outcome]:
    """Refine images, in any order.

    At most two images a worker are under way, so memory does not grow with the number of images.

    Args:
        tasks (Iterable[Task]): Drawn from only when a worker has room.
        refiner (FileRefiner): What to do.
        num_workers (int): Number of processes, each on one thread; 0 works in this process.

    Raises:
        OutputError: If the results cannot be written, or a worker was killed.
    """
    if num_workers == 0:
        for task in tasks:
            yield Outcome(task.item, _error_of(refiner, task))
        return
    pool = ProcessPoolExecutor(
        num_workers, _context(), initializer=_start_worker, initargs=(refiner.settings,)
    )
    under_way: dict[Future[str | None], LabelItem] = {}
    try:
        for task in tasks:
            if isinstance(task.edges, Exception):
                yield Outcome(task.item, _describe(task.edges))
                continue
            under_way[pool.submit(_work, task)] = task.item
            if len(under_way) >= 2 * num_workers:
                yield from _collect(under_way)
        while under_way:
            yield from _collect(under_way)
        pool.shutdown()
    except BrokenProcessPool as error:
        names = ', '.join(sorted(item.name for item in under_way.values()))
        raise OutputError(
            f'A worker was killed while it did one of {names}; where memory ran out, take fewer '
            '--workers. The same command goes on from here.'
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _collect(under_way: dict[Future[str | None], LabelItem]) -> Iterator[Outcome]:
    """Take what is done out of `under_way`."""
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        error = future.result()
        yield Outcome(under_way.pop(future), error)


def _context() -> multiprocessing.context.BaseContext:
    # Never a fork of a process that has used a GPU or threads. A fork server imports only once.
    if 'forkserver' not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__])
    return context


_worker: FileRefiner | None = None


def _start_worker(settings: RefineSettings) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()
    # Images are what runs in parallel.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    _worker = FileRefiner(settings)


def _leave_with(sentinel: int) -> None:
    """A worker whose parent was killed would wait for work for ever."""
    connection.wait([sentinel])
    os._exit(1)


def _work(task: Task) -> str | None:
    assert _worker is not None  # _start_worker has made it
    return _error_of(_worker, task)


def _error_of(refiner: FileRefiner, task: Task) -> str | None:
    """Refine an image; whatever is wrong with it is told, and the others go on."""
    if isinstance(task.edges, Exception):
        return _describe(task.edges)
    try:
        refiner(task.item, task.edges)
    except OutputError:
        raise
    except Exception as error:
        return _describe(error)
    return None


def _describe(error: Exception) -> str:
    if isinstance(error, ValueError | OSError):
        return str(error)
    return f'{type(error).__name__}: {error}'
