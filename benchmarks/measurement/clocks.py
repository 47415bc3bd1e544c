"""Times of calls: medians, on a CPU or a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any


def median_ms(
    function: Callable[..., Any],
    repeats: int,
    device: str = 'cpu',
    prepare: Callable[[], tuple] = tuple,
) -> float:
    """Median time of a function after a warm-up; see `median_ms_in_turn`."""
    return median_ms_in_turn({'': function}, repeats, device, prepare)['']


def median_ms_in_turn(
    functions: Mapping[str, Callable[..., Any]],
    repeats: int,
    device: str = 'cpu',
    prepare: Callable[[], tuple] = tuple,
) -> dict[str, float]:
    """Median times of functions that take turns, so that other load hits all of them alike.

    On one CPU thread the time of the process counts, which other work on the machine touches
    little; on several threads that of the wall clock. On a GPU events are recorded after all
    earlier work is done: they hold what the device does and what it waits for.

    Args:
        functions (Mapping[str, Callable]): What to time, by name.
        repeats (int): Times each; one more call each warms up and is not counted.
        device (str): 'cpu' or 'cuda'.
        prepare (Callable): Makes the arguments of a call; not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for repeat in range(repeats + 1):
        order = list(functions) if repeat % 2 else list(functions)[::-1]
        for name in order:
            arguments = prepare()
            clock = Stopwatch(device)
            functions[name](*arguments)
            taken = clock.milliseconds()
            if repeat:
                times[name].append(taken)
    return {name: median(values) for name, values in times.items()}


class Stopwatch:
    """Runs from its making on.

    Args:
        device (str): 'cpu' or 'cuda'.
        wall (bool): Count the wall clock, as is due where other processes do the work.
    """

    def __init__(self, device: str = 'cpu', wall: bool = False) -> None:
        import torch

        self._events = None
        if device.startswith('cuda') and not wall:
            self._events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            torch.cuda.synchronize()
            self._events[0].record()
        one_thread = torch.get_num_threads() == 1 and not wall
        self._clock = time.process_time if one_thread else time.perf_counter
        self._start = self._clock()

    def milliseconds(self) -> float:
        """Time since the start; on a GPU once it has done all that was asked of it."""
        if self._events is not None:
            import torch

            self._events[1].record()
            torch.cuda.synchronize()
            return self._events[0].elapsed_time(self._events[1])
        return 1e3 * (self._clock() - self._start)
