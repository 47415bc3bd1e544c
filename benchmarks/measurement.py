"""What the benchmarks share: rows and their targets, clocks, memory, records and the table.

A benchmark is a script with named cases. Each case yields rows, and every row compares one time
with that of a reference. :func:`run` gives a script its command line; `run_all.py` runs them all.

As a script it runs another one and writes down the peak memory of that process:

    python benchmarks/measurement.py PEAK_FILE SCRIPT [ARGUMENT ...]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import resource
import runpy
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Literal

from mmsteal.files import write_file

REPO = Path(__file__).resolve().parent.parent
PACKAGES = ('torch', 'numpy', 'scipy', 'scikit-image', 'numba')
HEADER = ('what', 'ours', 'reference', 'its time', 'ratio', 'target', 'met', 'peak memory', 'note')


@dataclass(frozen=True)
class Target:
    """A bound that a row has to keep.

    Attributes:
        quantity (str): 'speed-up': at least `bound` times as fast as the reference. 'overhead': at
            most `bound`, a fraction, longer than the reference. 'time': at most `bound` ms. 'peak':
            at most `bound` MiB.
        bound (float): The bound.
    """

    quantity: Literal['speed-up', 'overhead', 'time', 'peak']
    bound: float

    def is_met(self, row: Row) -> bool | None:
        """Whether a row keeps the bound; None if the row does not hold what it is about."""
        ratio = row.ratio
        if self.quantity == 'speed-up':
            return None if ratio is None else ratio >= self.bound
        if self.quantity == 'overhead':
            return None if ratio is None else ratio <= 1 + self.bound
        value = row.ours_ms if self.quantity == 'time' else row.peak_mib
        return None if value is None else value <= self.bound

    def __str__(self) -> str:
        return {
            'speed-up': f'≥ {self.bound:g} x',
            'overhead': f'≤ +{100 * self.bound:g} %',
            'time': f'≤ {time_text(self.bound)}',
            'peak': f'peak ≤ {mib_text(self.bound)}',
        }[self.quantity]


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name (str): What was measured.
        ours_ms (float | None): Its time.
        reference (str): What it is compared with.
        reference_ms (float | None): The time of that.
        compares (str): 'speed-up': the ratio is reference / ours. 'overhead': ours does what the
            reference does and something more; the ratio is ours / reference.
        targets (list[Target]): Bounds to keep.
        peak_mib (float | None): Peak memory above what was in use before, unless the note says
            otherwise.
        note (str): Anything else.
        error (str): What went wrong; a row with an error is measured again.
    """

    name: str
    ours_ms: float | None = None
    reference: str = ''
    reference_ms: float | None = None
    compares: Literal['speed-up', 'overhead'] = 'speed-up'
    targets: list[Target] = field(default_factory=list)
    peak_mib: float | None = None
    note: str = ''
    error: str = ''

    @property
    def ratio(self) -> float | None:
        """How the two times compare; None without both."""
        if self.ours_ms is None or self.reference_ms is None:
            return None
        if self.compares == 'overhead':
            return self.ours_ms / self.reference_ms
        return self.reference_ms / self.ours_ms

    @property
    def met(self) -> bool | None:
        """Whether all targets are met; None without a target, or where one cannot be judged."""
        verdicts = [target.is_met(self) for target in self.targets]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else not self.error

    def cells(self) -> list[str]:
        """The cells of the line, under `HEADER`."""
        ratio = ''
        if self.ratio is not None:
            ratio = f'{self.ratio:.3g} x' if self.ratio < 100 else f'{self.ratio:.0f} x'
            if self.compares == 'overhead':
                ratio = f'{100 * (self.ratio - 1):+.1f} %'
        met = {True: 'yes', False: '**no**', None: 'unknown' if self.targets else ''}[self.met]
        return [
            self.name,
            time_text(self.ours_ms),
            self.reference,
            time_text(self.reference_ms),
            ratio,
            ', '.join(map(str, self.targets)),
            met,
            mib_text(self.peak_mib),
            '; '.join(filter(None, (self.error and f'**failed**: {self.error}', self.note))),
        ]


Case = Callable[[], Iterable[Row]]


def time_text(milliseconds: float | None) -> str:
    """A time in the unit that reads best."""
    if milliseconds is None:
        return ''
    for factor, unit, limit in ((1, 'ms', 1e3), (1e3, 's', 180e3), (60e3, 'min', 180 * 60e3)):
        if milliseconds < limit:
            return f'{milliseconds / factor:.3g} {unit}'
    return f'{milliseconds / 3600e3:.3g} h'


def mib_text(mib: float | None) -> str:
    """An amount of memory."""
    if mib is None:
        return ''
    return f'{mib:.0f} MiB' if mib >= 10 else f'{mib:.1f} MiB'


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEADER, ['---'] * len(HEADER), *(row.cells() for row in rows)]
    return '\n'.join(f'| {" | ".join(c.replace("|", "/") for c in cells)} |' for cells in lines)


def hardware() -> dict[str, str]:
    """CPU, GPU, and the versions that decide how fast it is."""
    import torch

    cpu, cpuinfo = platform.processor() or platform.machine(), Path('/proc/cpuinfo')
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        cpu = next((x.split(':')[1].strip() for x in lines if x.startswith('model name')), cpu)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
    versions = [f'Python {platform.python_version()}']
    for name in PACKAGES:
        try:
            versions.append(f'{name} {version(name)}')
        except PackageNotFoundError:
            versions.append(f'{name} of unknown version')
    return {'cpu': f'{cpu}, {os.cpu_count()} cores', 'gpu': gpu, 'versions': ', '.join(versions)}


def commit() -> str:
    """The commit of the checkout, marked if files differ from it; empty outside of git."""
    words = ['git', '-C', str(REPO), 'describe', '--always', '--dirty', '--exclude', '*']
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ''


# ---- clocks ----


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


# ---- memory ----


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


# ---- records and the command line ----


class Record:
    """Rows of the cases that have run, in a JSON file that is whole at any time.

    Args:
        path (Path | None): The file; None keeps the rows in memory.
        setup (dict): Hardware and options. Rows of another setup are not added to.
    """

    def __init__(self, path: Path | None, setup: dict[str, Any]) -> None:
        self.path = path
        self.setup = setup
        self.cases: dict[str, dict] = {}
        if path is not None and path.exists():
            content = json.loads(path.read_text())
            if content['setup'] != setup:
                raise SystemExit(
                    f'Expected the rows in {path} to be of this machine and these options,\n'
                    f'{setup},\nbut they are of\n{content["setup"]};\n'
                    'delete the file, or write to another one.'
                )
            self.cases = content['cases']

    def is_finished(self, case: str) -> bool:
        """Whether a case has run without an error."""
        return case in self.cases and not any(r['error'] for r in self.cases[case]['rows'])

    def add(self, case: str, rows: Iterable[Row]) -> None:
        """Keep the rows of a case."""
        written = [asdict(row) for row in rows]
        self.cases[case] = dict(date=f'{date.today()}', commit=commit(), rows=written)
        if self.path is not None:
            content = dict(setup=self.setup, cases=self.cases)
            write_file(self.path, json.dumps(content, indent=1))

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return [row_of(values) for case in self.cases.values() for values in case['rows']]


def row_of(values: dict) -> Row:
    """A row from what a record holds of it."""
    return Row(**{**values, 'targets': [Target(**target) for target in values['targets']]})


def make_parser(description: str, devices: tuple[str, ...] = ('cpu',)) -> argparse.ArgumentParser:
    """The options that all benchmarks have.

    Args:
        description (str): The docstring of the script.
        devices (tuple[str, ...]): Where it can run; the first is the default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--device', choices=devices, default=devices[0])
    parser.add_argument(
        '--quick', action='store_true', help='small sizes: shows that it runs, not how fast it is'
    )
    parser.add_argument('--rows', type=Path, help='JSON file of rows; finished cases are skipped')
    return parser


def run(
    cases: Callable[[argparse.Namespace], Mapping[str, Case]],
    parser: argparse.ArgumentParser,
    argv: list[str] | None = None,
    **quick: Any,
) -> argparse.Namespace:
    """Run the cases of a benchmark one after the other, and print their table.

    Args:
        cases (Callable): Makes the cases, by name, from the options.
        parser (ArgumentParser): Of `make_parser`, with the options of the benchmark.
        argv (list[str] | None): The command line; None takes that of the process.
        **quick: Defaults of options with `--quick`.

    Returns:
        Namespace: The options.

    Raises:
        SystemExit: If a case failed; the others have run.
    """
    if parser.parse_known_args(argv)[0].quick:
        parser.set_defaults(**quick)
    args = parser.parse_args(argv)
    use_one_thread()
    if args.device == 'cuda':
        import torch

        if not torch.cuda.is_available():
            raise SystemExit('No CUDA device; use --device cpu.')
    options = {key: str(value) for key, value in vars(args).items() if key != 'rows'}
    record = Record(args.rows, dict(hardware=hardware(), options=options))
    for name, case in cases(args).items():
        if record.is_finished(name):
            continue
        print(f'{name} ...', file=sys.stderr, flush=True)
        try:
            rows = list(case())
        except Exception as error:
            traceback.print_exc()
            rows = [Row(name, error=f'{type(error).__name__}: {error}'.splitlines()[0])]
        if args.quick:  # targets are for the full sizes
            rows = [replace(row, targets=[]) for row in rows]
        record.add(name, rows)
    print(f'{hardware_text(args.device)}\n\n{table(record.rows)}')
    if any(row.error for row in record.rows):
        raise SystemExit(1)
    return args


def use_one_thread() -> None:
    """Let this process compute on one thread."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def hardware_text(device: str | None = None) -> str:
    """One line about the hardware; of one device, or of all."""
    known = hardware()
    threads = f'{known["cpu"]}, one thread'
    parts = [threads, known['gpu']] if device != 'cpu' else [threads]
    return '; '.join([*parts, known['versions']])


if __name__ == '__main__':
    PEAK_FILE, SCRIPT, *ARGUMENTS = sys.argv[1:]
    sys.argv = [SCRIPT, *ARGUMENTS]
    sys.path[0] = str(Path(SCRIPT).resolve().parent)
    try:
        runpy.run_path(SCRIPT, run_name='__main__')
    finally:
        Path(PEAK_FILE).write_text(f'{process_peak_mib()}')
