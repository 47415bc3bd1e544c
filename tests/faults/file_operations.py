"""Watch what a run does to the files of a folder, and let it die, or the disk refuse, at any step.

A real kill comes at some moment; which file operations are done by then is all that it decides. So
each of them is a moment to try: exact, and a thousand times faster than signals. A process that is
dead does nothing more, so whatever cleans up afterwards is kept from the folder.
"""

import builtins
import errno
import io
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

# What mmengine logs; it is read by nobody, and lines more or fewer are no fault.
LOGS = ('.log', '/vis_data/', 'events.out.tfevents', '/parent_config')
_WRITING = set('wax+')


class Killed(BaseException):
    """The process is gone."""


class FileOperations:
    """File operations below a folder, in their order.

    Args:
        folder: The folder.
        kill_at: Die at the operation of this number, from 0; in the middle of what is written.
        refuse_at: From the operation of this number on the disk takes nothing more.
        error: What it says.

    Attributes:
        names (list[str]): What was done.
        fired (bool): Whether the moment came.
    """

    def __init__(self, folder, *, kill_at=None, refuse_at=None, error=errno.ENOSPC):
        self.folder = os.path.abspath(folder)
        self.kill_at, self.refuse_at, self.error = kill_at, refuse_at, error
        self.names = []
        self.fired = False

    def watches(self, path):
        if isinstance(path, int):
            return False
        path = os.path.abspath(os.fspath(path))
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        inside = path == self.folder or path.startswith(self.folder + os.sep)
        return inside and not any(part in path for part in LOGS)

    def step(self, name, path, *, grows=True, before=lambda: None):
        """One operation: `before` is what a kill leaves of it."""
        number = len(self.names)
        self.names.append(f'{name} {os.path.relpath(path, self.folder)}')
        if self.kill_at is not None and number >= self.kill_at:
            if not self.fired:
                self.fired = True
                before()
            raise Killed
        if self.refuse_at is not None and number >= self.refuse_at and grows:
            self.fired = True
            before()
            raise OSError(self.error, os.strerror(self.error), str(path))


class _Written:
    """A file whose writing is watched."""

    def __init__(self, file, path, operations):
        self._file, self._path, self._operations = file, path, operations

    def write(self, content):
        self._operations.step(
            'write', self._path, before=lambda: self._half(content)
        )  # fmt: skip
        return self._file.write(content)

    def _half(self, content):
        self._file.write(content[: len(content) // 2])
        self._file.flush()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)

    def __iter__(self):
        return iter(self._file)


@contextmanager
def watched(operations):
    """Let the operations of a block go through `operations`."""
    real_open = io.open
    with ExitStack() as stack:

        def patch(owner, name, make):
            stack.enter_context(mock.patch.object(owner, name, make(getattr(owner, name))))

        def opener(_):
            def watched_open(file, mode='r', *args, **kwargs):
                if isinstance(file, int) or not (_WRITING & set(mode)) or not operations.watches(
                    file
                ):  # fmt: skip
                    return real_open(file, mode, *args, **kwargs)
                operations.step('open', file)
                opened = real_open(file, mode, *args, **kwargs)
                operations.step('opened', file)
                return _Written(opened, file, operations)

            return watched_open

        def low_opener(real):
            def watched_open(path, flags, *args, **kwargs):
                if flags & (os.O_CREAT | os.O_TRUNC) and operations.watches(path):
                    operations.step('create', path)
                return real(path, flags, *args, **kwargs)

            return watched_open

        def by_descriptor(real):
            def watched_call(descriptor, *args):
                number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
                path = os.readlink(f'/proc/self/fd/{number}')
                if operations.watches(path):
                    operations.step(real.__name__, path)
                return real(descriptor, *args)

            return watched_call

        def mover(real):
            def watched_call(source, target, **kwargs):
                if operations.watches(target):
                    operations.step(real.__name__, target, grows=operations.error != errno.ENOSPC)
                return real(source, target, **kwargs)

            return watched_call

        def remover(real):
            def watched_call(path, *args, dir_fd=None, **kwargs):
                whole = path
                if dir_fd is not None:
                    whole = os.path.join(os.readlink(f'/proc/self/fd/{dir_fd}'), path)
                if operations.watches(whole):
                    operations.step(real.__name__, whole, grows=False)
                if dir_fd is None:
                    return real(path, *args, **kwargs)
                return real(path, *args, dir_fd=dir_fd, **kwargs)

            return watched_call

        def maker(real):
            def watched_call(path, *args, **kwargs):
                if operations.watches(path) and not os.path.isdir(path):
                    operations.step(real.__name__, path)
                return real(path, *args, **kwargs)

            return watched_call

        patch(builtins, 'open', opener)
        patch(io, 'open', opener)
        patch(os, 'open', low_opener)
        patch(os, 'fsync', by_descriptor)
        patch(os, 'replace', mover)
        patch(os, 'rename', mover)
        for name in ('unlink', 'remove', 'rmdir'):
            patch(os, name, remover)
        patch(os, 'mkdir', maker)
        yield operations


def leftovers(folder):
    """Files that no run should leave."""
    names = [path.relative_to(folder).as_posix() for path in Path(folder).rglob('*')]
    return sorted(
        name for name in names if name.endswith(('.part', '.tmp')) and not name.endswith('.partial')
    )
