"""Files that are small and ask for much."""

import io
import struct
import zipfile
import zlib

import numpy as np


def huge_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """The header of a grey PNG of any size, with no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b'IDAT', zlib.compress(bytes(100)))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + pixels + chunk(b'IEND', b'')


def npy_header(shape: tuple[int, ...], dtype: str = '|u1') -> bytes:
    """The header of a .npy file of any shape, with no values."""
    buffer = io.BytesIO()
    description = {'descr': dtype, 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def npz_bomb(megabytes: int) -> bytes:
    """A .npz file of zeros, about a thousandth as large as its array."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open('a.npy', 'w', force_zip64=True) as member,
    ):
        member.write(npy_header((1, 1000 * megabytes, 1000)))
        for _ in range(megabytes):
            member.write(bytes(1_000_000))
    return buffer.getvalue()


def mat_bomb(megabytes: int, *, announced: int | None = None) -> bytes:
    """A .mat file with one compressed element of zeros."""
    size = megabytes * 1_000_000
    stream = zlib.compressobj(9)
    packed = stream.compress(struct.pack('<II', 14, size if announced is None else announced))
    for _ in range(megabytes):
        packed += stream.compress(bytes(1_000_000))
    packed += stream.flush()
    return mat_header() + struct.pack('<II', 15, len(packed)) + packed


def mat_header() -> bytes:
    return b'MATLAB 5.0 MAT-file'.ljust(124) + b'\x00\x01IM'
