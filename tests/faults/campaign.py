"""Kill a run at each of its file operations, or let the disk refuse them, and run it again."""

import errno
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tests.faults.file_operations import FileOperations, Killed, leftovers, watched


@dataclass(frozen=True)
class Scenario:
    """A run that can be repeated.

    Attributes:
        name (str): What it is called.
        run (Callable): Does it in a folder, which may hold what an earlier run left; its exit
            status, 0 for None, or its message.
        result (Callable): What the folder holds when it is done, to be compared.
        sources (Path | None): Folder that must stay as it is.
        command (bool): Whether it is a whole command, which a disk that refuses ends with a line,
            SIGTERM with its status, and another run in the folder keeps out.
    """

    name: str
    run: Callable[[Path], Any]
    result: Callable[[Path], Any]
    sources: Path | None = None
    command: bool = True


@dataclass
class Totals:
    """How often something was tried, and what went wrong."""

    tries: int = 0
    wrong: list[str] = field(default_factory=list)  # a line a try

    def add(self, what, problems):
        self.tries += 1
        if problems:
            self.wrong.append(f'{what}: {"; ".join(problems)}')

    def __str__(self):
        return f'{self.tries} tries, {len(self.wrong)} wrong'


def run_quietly(scenario, folder):
    """Exit status of a run, and what it printed."""
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            code = scenario.run(folder)
        except SystemExit as left:
            code = left.code
    return 0 if code is None else code, printed.getvalue()


class Campaign:
    """All that is done to a scenario, in folders of its own.

    Args:
        scenario: The run.
        root: Folder for all; emptied from try to try.
    """

    def __init__(self, scenario, root):
        self.scenario, self.root = scenario, Path(root)
        # Its own is shared with processes that are forked: one that is killed would keep it.
        tqdm.monitor_interval = 0
        tqdm.set_lock(threading.RLock())
        self.sources = _contents(scenario.sources)
        whole = self.root / 'out'
        operations = FileOperations(whole)
        run_quietly(scenario, whole)  # what is compiled the first time
        shutil.rmtree(whole)
        start = time.monotonic()
        with watched(operations):
            code, printed = run_quietly(scenario, whole)
        assert code == 0, (code, printed)
        self.seconds = time.monotonic() - start
        self.expected = scenario.result(whole)
        self.operations = operations.names
        # In whole pages, as the disk takes them.
        files = [path for path in whole.rglob('*') if path.is_file()]
        self.size = 4096 * sum(1 + path.stat().st_size // 4096 for path in files)
        shutil.rmtree(whole)

    def kills(self, *, stride=1, offset=0):
        """Die at one operation in `stride`, and run again: as if nothing had been."""
        totals = Totals()
        for number in range(offset % stride, len(self.operations), stride):
            with self._folder() as folder:
                self._kill(folder, number)
                what = f'{self.scenario.name} killed at {number}, {self.operations[number]}'
                totals.add(what, self._run_again(folder))
        return totals

    def many_kills(self, tries, seed=0):
        """Die again and again at random, until a run comes to its end."""
        totals, rng = Totals(), random.Random(seed)
        for index in range(tries):
            with self._folder() as folder:
                places = [rng.randrange(len(self.operations)) for _ in range(rng.randint(2, 5))]
                problems = []
                for place in places:
                    problems += self._kill(folder, place)
                what = f'{self.scenario.name} killed at {places} (try {index})'
                totals.add(what, [*problems, *self._run_again(folder)])
        return totals

    def signals(self, tries, number=signal.SIGKILL, seed=0):
        """A process of its own, stopped by a signal at a random moment, and the run again."""
        totals, rng = Totals(), random.Random(seed)
        for index in range(tries):
            with self._folder() as folder:
                moment = rng.uniform(0, 1.1 * self.seconds)
                code = self._signalled(folder, number, moment)
                problems = []
                if number == signal.SIGTERM:
                    # The last one: before the command had begun.
                    if code not in (0, 128 + number, -number):
                        problems.append(f'the exit status is {code}')
                    problems += [f'left {leftovers(folder)}'] if leftovers(folder) else []
                what = f'{self.scenario.name}, {number.name} after {moment:.3f} s (try {index})'
                totals.add(what, [*problems, *self._run_again(folder)])
        return totals

    def side_by_side(self, tries):
        """Two runs in one folder at the same time: both end, or one is refused; then again."""
        totals = Totals()
        for index in range(tries):
            with self._folder() as folder:
                children = [self._fork(folder) for _ in range(2)]
                codes = sorted(_wait(child) for child in children)
                problems = [] if codes in ([0, 0], [0, 1]) else [f'the exit statuses are {codes}']
                what = f'{self.scenario.name}, two at once (try {index})'
                totals.add(what, [*problems, *self._run_again(folder)])
        return totals

    def _signalled(self, folder, number, moment):
        child = self._fork(folder)
        time.sleep(moment)
        os.kill(child, number)  # one that has ended is there until it is waited for
        return _wait(child)

    def _fork(self, folder):
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        code = 99
        try:
            code, _ = run_quietly(self.scenario, folder)
            code = code if isinstance(code, int) else 1
        finally:
            os._exit(code)

    def refusals(self, *, stride=1, offset=0, error=errno.ENOSPC):
        """The disk takes nothing more from one operation in `stride` on; then it does again."""
        totals = Totals()
        for number in range(offset % stride, len(self.operations), stride):
            with self._folder() as folder:
                operations = FileOperations(folder, refuse_at=number, error=error)
                problems = []
                try:
                    with watched(operations):
                        code, _ = run_quietly(self.scenario, folder)
                except Exception as raised:
                    problems.append(f'{type(raised).__name__}: {raised}')
                    code = 1
                if operations.fired and self.scenario.command and not problems:
                    problems += _problems_of_message(code)
                if leftovers(folder):
                    problems.append(f'left {leftovers(folder)}')
                what = f'{self.scenario.name}, {errno.errorcode[error]} from {number} on, '
                what += self.operations[number]
                totals.add(what, [*problems, *self._run_again(folder)])
        return totals

    def small_disk(self, disk, tries, seed=0):
        """A disk that is really full after some bytes, as a tmpfs; then there is room again."""
        totals, rng = Totals(), random.Random(seed)
        folder, ballast = Path(disk) / 'out', Path(disk) / 'ballast'
        for index in range(tries):
            left = rng.randrange(1, self.size)
            ballast.write_bytes(bytes(max(shutil.disk_usage(disk).free - left, 0)))
            code, printed = self._captured(folder)
            problems = []
            if code not in (0, 1):
                problems.append(f'the exit status is {code}')
            if 'Traceback' in printed or 'Logging error' in printed:
                problems.append(f'it tells {printed[-500:]!r}')
            problems += [f'left {leftovers(folder)}'] if leftovers(folder) else []
            ballast.unlink()
            what = f'{self.scenario.name}, {left} bytes left (try {index})'
            totals.add(what, [*problems, *self._run_again(folder)])
            shutil.rmtree(folder, ignore_errors=True)
        return totals

    def _captured(self, folder):
        """Exit status of a process of its own, and all that it printed."""
        with tempfile.TemporaryFile('w+', errors='replace') as told:
            child = os.fork()
            if child:
                code = _wait(child)
                told.seek(0)
                return code, told.read()
            code = 99
            try:
                os.dup2(told.fileno(), 1)
                os.dup2(told.fileno(), 2)
                sys.stdout, sys.stderr = os.fdopen(1, 'w'), os.fdopen(2, 'w')
                self.scenario.run(folder)
                code = 0
            except SystemExit as left:
                code = left.code or 0
                if isinstance(code, str):
                    print(code, file=sys.stderr)
                    code = 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)

    def _kill(self, folder, number):
        try:
            with watched(FileOperations(folder, kill_at=number)):
                code, printed = run_quietly(self.scenario, folder)
        except Killed:
            return []
        except Exception as raised:
            return [f'cannot go on: {type(raised).__name__}: {str(raised)[:300]}']
        # One that resumes has less to do, and may come to its end before.
        return [] if code == 0 else [f'ended with {code}: {printed[-300:]}']

    def _run_again(self, folder):
        try:
            code, printed = run_quietly(self.scenario, folder)
        except Exception as raised:
            return [f'cannot go on: {type(raised).__name__}: {str(raised)[:300]}']
        problems = [] if code == 0 else [f'ended with {code}: {printed[-300:]}']
        try:
            same = self.scenario.result(folder) == self.expected
        except Exception as raised:
            problems.append(f'no result: {type(raised).__name__}: {str(raised)[:300]}')
        else:
            problems += [] if same else ['the result is another one']
        if leftovers(folder):
            problems.append(f'left {leftovers(folder)}')
        if _contents(self.scenario.sources) != self.sources:
            problems.append('the sources have changed')
        return problems

    @contextmanager
    def _folder(self):
        folder = self.root / 'out'
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _wait(child):
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _problems_of_message(code):
    """What is wrong with how a command ends when the disk refuses."""
    if code in (0, None):
        return ['the exit status is 0']
    if not isinstance(code, str):
        return [f'the exit status is {code}, without a message']
    return [] if len(code.strip().splitlines()) == 1 else [f'it tells {code!r}']


def _contents(root):
    if root is None:
        return None
    return {path: path.read_bytes() for path in sorted(root.rglob('*')) if path.is_file()}
