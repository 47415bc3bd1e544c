"""One record an item, written last: what is recorded is done."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mmsteal.files import path_under, write_file

# How long files of other machines may take to show up in a shared folder.
_PATIENCE_S = 120.0


def fingerprint(settings: Any) -> str:
    """Hash of settings, to see whether a result was made with the same ones.

    Args:
        settings: Anything that JSON can hold; the order of keys does not matter.

    Returns:
        16 hexadecimal digits.

    Example:
        >>> fingerprint({'a': 1, 'b': [2]}) == fingerprint({'b': (2,), 'a': 1})
        True
    """
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file, its first 16 digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Origin:
    """Everything that a result depends on.

    Attributes:
        fingerprint (str): Of the settings, see :func:`fingerprint`.
        inputs (tuple[tuple[int, int], ...]): Size in bytes and time of change of each input file.
    """

    fingerprint: str
    inputs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, settings: str, files: Iterable[Path] = (), *, places: bool = False) -> Origin:
        """Look at the input files; do it before they are read, so that no change goes unnoticed.

        Args:
            settings: Their fingerprint.
            files: The input files, in an order that is always the same.
            places: Whether it matters where they are: a file that was given to another class is the
                same file.

        Raises:
            OSError: If a file is missing.
        """
        files = list(files)
        if places:
            settings = fingerprint([settings, [str(path.resolve()) for path in files]])
        stats = [path.stat() for path in files]
        return cls(settings, tuple((stat.st_size, stat.st_mtime_ns) for stat in stats))


class Records:
    """Records as JSON: `FOLDER/NAME.json`, one for each item that is done.

    A record says what the results of its item were made from, names their files, and holds what
    else a job has to tell. It is written after the results, whole or not at all.

    Args:
        folder: Folder of the records.
        results: Folder that the names of result files are relative to; None: that of the records.
    """

    suffix = '.json'

    def __init__(self, folder: str | Path, *, results: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.results = self.folder if results is None else Path(results)

    def path(self, name: str) -> Path:
        """File of the record of an item.

        Raises:
            ValueError: If the name leads out of the folder.
        """
        return path_under(self.folder, f'{name}{self.suffix}')

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of an item, or None where there is none that can be read."""
        try:
            record = self._decode(self.path(name).read_bytes())
        except (OSError, ValueError, KeyError, EOFError, RecursionError, BadZipFile, zlib.error):
            return None
        return record if isinstance(record, dict) else None

    def read_current(self, name: str, origin: Origin) -> dict[str, Any] | None:
        """The record of an item that does not need to be done again.

        Args:
            name: The item.
            origin: What its results would be made from now.

        Returns:
            The record; None if there is none, if the results were made from something else, or if
            one of their files is gone.
        """
        record = self.read(name)
        if record is None or record.get('fingerprint') != origin.fingerprint:
            return None
        if record.get('input') != [list(stamp) for stamp in origin.inputs]:
            return None
        files = record.get('files', [])
        return record if all((self.results / file).is_file() for file in files) else None

    def remove(self, name: str) -> None:
        """Forget an item before its results are made anew.

        Raises:
            OSError: If the disk refuses.
        """
        self.path(name).unlink(missing_ok=True)

    def write(
        self, name: str, origin: Origin, content: Mapping[str, Any], *, files: Sequence[Path] = ()
    ) -> dict[str, Any]:
        """Record that an item is done; its results must have been written.

        Args:
            name: The item.
            origin: What the results were made from.
            content: What else there is to tell.
            files: The result files.

        Returns:
            The record.

        Raises:
            OSError: If the disk refuses.
        """
        record = {
            'name': name,
            'fingerprint': origin.fingerprint,
            'input': [list(stamp) for stamp in origin.inputs],
            'files': [path.relative_to(self.results).as_posix() for path in files],
            **content,
        }
        write_file(self.path(name), self._encode(record))
        return record

    def wait_for(self, names: Iterable[str]) -> None:
        """Let a shared folder show what other machines recorded, for two minutes at most."""
        deadline = time.monotonic() + _PATIENCE_S
        for name in names:
            while self.read(name) is None and time.monotonic() < deadline:
                time.sleep(0.5)

    def _encode(self, record: dict[str, Any]) -> bytes:
        return json.dumps(record, ensure_ascii=False, allow_nan=False).encode(
            errors='backslashreplace'  # names that are no text, as JSON escapes them
        )

    def _decode(self, content: bytes) -> Any:
        return json.loads(content)


class ArrayRecords(Records):
    """Records that hold arrays: `FOLDER/NAME.npz`.

    Arrays of the content are kept as such, under their names; all else as JSON, under `record`.
    """

    suffix = '.npz'

    def _encode(self, record: dict[str, Any]) -> bytes:
        arrays: dict[str, Any] = {
            key: value for key, value in record.items() if isinstance(value, np.ndarray)
        }
        rest = {key: value for key, value in record.items() if key not in arrays}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, record=np.array(json.dumps(rest)), **arrays)
        return buffer.getvalue()

    def _decode(self, content: bytes) -> Any:
        with np.load(io.BytesIO(content)) as file:
            return {
                **json.loads(str(file['record'])),
                **{key: file[key] for key in file.files if key != 'record'},
            }
