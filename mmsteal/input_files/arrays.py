"""NumPy's files: `.npy`, and `.npz` with one array."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from numpy.lib import format as npy
from numpy.typing import NDArray

from mmsteal.input_files.limits import check_bytes

_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def read_array(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file, or the only one of a `.npz` file.

    Its header is read first: it must fit the file, and be of no more memory than
    :func:`~mmsteal.input_files.max_bytes`. Pickled objects are refused.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is damaged, too large, or holds no array or more than one.
    """
    try:
        with open(path, 'rb') as file:
            if file.read(4) != b'PK\x03\x04':
                _check_header(file, path.stat().st_size)
                return _read(file)
            with ZipFile(file) as archive:
                entries = archive.infolist()
                if len(entries) != 1:
                    names = [entry.filename.removesuffix('.npy') for entry in entries[:8]]
                    raise ValueError(f'expected one array in the file, found {names}')
                check_bytes(entries[0].file_size, 'its array')
                with archive.open(entries[0]) as member:
                    _check_header(member, entries[0].file_size)
                    return _read(member)
    except (OSError, ValueError):
        raise
    except BadZipFile as error:
        raise ValueError(f'it is no whole .npz file ({error})') from error
    except Exception as error:  # zipfile, zlib and numpy raise what they like on damaged files
        raise ValueError(f'{type(error).__name__}: {error}') from error


def _check_header(file: Any, size: int) -> None:
    """Compare what the header announces with what there is, in bytes."""
    file.seek(0)
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f'version {version} of the .npy format is not read')
    shape, _, dtype = _HEADERS[version](file)
    expected = math.prod(shape) * dtype.itemsize
    check_bytes(expected, 'its array')
    if dtype.hasobject:
        raise ValueError('it holds pickled objects; save an array of numbers')
    if size - file.tell() < expected:
        raise ValueError(
            f'its header announces {expected} bytes of shape {shape}, but {size - file.tell()} '
            'follow'
        )


def _read(file: BinaryIO | Any) -> NDArray[Any]:
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array
