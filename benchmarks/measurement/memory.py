"""Memory of calls, and what whole processes cost.

As a script it runs another one and writes down the peak memory of that process:

    python benchmarks/measurement/memory.py PEAK_FILE SCRIPT [ARGUMENT ...]
"""

from __future__ import annotations

import ctypes
import os
import resource
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def peak_mib(function: Callable[[], Any], device: str = 'cpu') -> float | None:
    """Memory that a call needs above what is in use, its result included; None where not known.

    On a CPU it is resident memory, since the tracers of Python do not see compiled code.
    """
    if device.startswith('cuda'):
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    try:
        ctypes.CDLL(None).malloc_trim(0)  # memory freed earlier must not serve this call
        Path('/proc/self/clear_refs').write_text('5')  # the high-water mark falls to the present
    except (OSError, AttributeError):
        return None
    before = _status_mib('VmRSS')
    function()
    return max(_status_mib('VmHWM') - before, 0.0)


def _status_mib(key: str) -> float:
    return int(Path('/proc/self/status').read_text().split(f'{key}:')[1].split()[0]) / 2**10


def process_peak_mib() -> float:
    """Peak memory of this process since its start."""
    if Path('/proc/self/status').exists():
        return _status_mib('VmHWM')
    # What getrusage says of a child may be the memory of its parent, so it is the second choice.
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def script_cost(script: Path, *arguments: str) -> tuple[float, float]:
    """CPU seconds of a script and its children, on one thread, and peak MiB of its process."""
    with tempfile.TemporaryDirectory() as folder:
        peak_file = Path(folder) / 'peak'
        words = [sys.executable, __file__, str(peak_file), str(script), *arguments]
        seconds = process_seconds(words)
        peak = float(peak_file.read_text())
    return seconds, peak


def process_seconds(words: Sequence[str]) -> float:
    """CPU seconds of a command and its children, on one thread; what it prints is dropped."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, env=one_thread_environment(), stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_thread_environment() -> dict[str, str]:
    """The environment for a process that computes on one thread."""
    pools = ('OMP', 'OPENBLAS', 'MKL', 'NUMBA')
    return {**os.environ, **{f'{name}_NUM_THREADS': '1' for name in pools}}


if __name__ == '__main__':
    PEAK_FILE, SCRIPT, *ARGUMENTS = sys.argv[1:]
    sys.argv = [SCRIPT, *ARGUMENTS]
    sys.path[0] = str(Path(SCRIPT).resolve().parent)
    try:
        runpy.run_path(SCRIPT, run_name='__main__')
    finally:
        Path(PEAK_FILE).write_text(f'{process_peak_mib()}')
