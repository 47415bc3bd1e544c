"""SBD's .mat files: segmentation, boundaries and categories of classes and of instances."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from mmsteal.functional.edge_maps.thin import thin
from mmsteal.input_files import read_mat_file
from mmsteal.input_files.limits import check_pixels
from mmsteal.label_formats.annotation import LabelError
from mmsteal.label_formats.voc_labels import VOC_CLASSES

Kind = Literal['cls', 'inst']

# Folder of the files -> the variable in them.
STRUCTS: dict[Kind, str] = {'cls': 'GTcls', 'inst': 'GTinst'}


def read_mat(content: bytes, kind: Kind) -> dict[str, Any]:
    """Fields of the struct of a file.

    Args:
        content: The file.
        kind: The folder that it is from.

    Returns:
        Name of each field -> its value: `Segmentation` (H, W), `Boundaries` and, of `'inst'`,
        `Categories`.

    Raises:
        ValueError: If the file is damaged or does not have that struct, the segmentation is no map,
            or a boundary is of another size.
    """
    name = STRUCTS[kind]
    mat = read_mat_file(content)
    if name not in mat:
        raise ValueError(f'expected the variable `{name}`, but found {sorted(mat)}')
    names = mat[name].dtype.names or ()
    if mat[name].shape != (1, 1) or 'Segmentation' not in names:
        raise ValueError(f'expected `{name}` to be one struct with a Segmentation')
    fields = {field: mat[name][field][0, 0] for field in names}
    shape = fields['Segmentation'].shape
    if len(shape) != 2:
        raise ValueError('Segmentation is not of two dimensions')
    check_pixels(*shape)
    for boundary in fields.get('Boundaries', np.empty(0, object)).ravel():
        # Looked at before it is made dense: a sparse one of any size is a small file.
        if getattr(boundary, 'shape', None) != shape:
            raise ValueError('Boundaries are not of the size of the Segmentation')
    return fields


def segmentation(content: bytes, kind: Kind) -> NDArray[Any]:
    """Classes (H, W) of a file of cls, ids (H, W) of a file of inst; see :func:`read_mat`."""
    found: NDArray[Any] = read_mat(content, kind)['Segmentation']
    return found


def stored_boundaries(content: bytes, kind: Kind) -> NDArray[np.uint8]:
    """Boundary of each class as the files store them: (20, H, W), 1 on a boundary.

    They are the ground truth of the published evaluations: of `'cls'` as they are, of `'inst'` the
    union of the boundaries of the instances of a class, thinned.

    Args:
        content: The file.
        kind: The folder that it is from.
    """
    fields = read_mat(content, kind)
    stored = [_dense(boundary) for boundary in fields['Boundaries'].ravel()]
    if kind == 'cls':
        return np.stack(stored)
    union = np.zeros((len(VOC_CLASSES), *fields['Segmentation'].shape), np.uint8)
    for boundary, category in zip(stored, fields['Categories'].ravel(), strict=True):
        union[int(category) - 1] |= boundary
    return thin(union).astype(np.uint8)


def sbd_boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The boundary that SBD stores for a mask.

    Pixels that differ from their right, lower or lower right neighbor, thinned to a line of one
    pixel. It reproduces the boundaries of two released images exactly: 4097 pixels of instances,
    3323 of classes.

    Args:
        mask: (H, W) bool.

    Example:
        >>> mask = np.zeros((4, 5), bool)
        >>> mask[:, 3:] = True
        >>> np.flatnonzero(sbd_boundary(mask).any(axis=0)).tolist()
        [2]
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode='edge')
    right, lower, lower_right = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return thin((mask != right) | (mask != lower) | (mask != lower_right))


def encode_mat(
    path: Path, kind: Kind, before: dict[str, Any], segmentation: NDArray[np.integer]
) -> bytes:
    """A .mat file with a new segmentation, and new boundaries where it differs.

    Args:
        path: The file, to be named.
        kind: The folder that it is for.
        before: The fields that were read, in the order in which they are kept.
        segmentation: (H, W), from 0 to 255.

    Raises:
        LabelError: If a value does not fit into SBD's bytes.
    """
    if segmentation.min() < 0 or segmentation.max() > 255:
        raise LabelError(
            f'{path}: expected values from 0 to 255, but got {segmentation.min()} to '
            f'{segmentation.max()}.'
        )
    fields = dict(before)
    old = before['Segmentation']
    fields['Segmentation'] = segmentation.astype(np.uint8)
    if 'CategoriesPresent' in fields:
        present = np.unique(segmentation)
        present = present[(present > 0) & (present < 255)].astype(np.uint8)[:, None]
        # Released files list the same as a column.
        fields['CategoriesPresent'] = present
    if 'Boundaries' in fields:
        cells = fields['Boundaries'].copy()
        for index in range(cells.size):
            mask = segmentation == index + 1
            if (mask != (old == index + 1)).any():
                boundary = sbd_boundary(mask) if mask.any() else mask
                cells.flat[index] = scipy.sparse.csc_matrix(boundary.astype(np.uint8))
        fields['Boundaries'] = cells
    buffer = BytesIO()
    scipy.io.savemat(buffer, {STRUCTS[kind]: fields}, do_compression=True)
    return buffer.getvalue()


def blank_fields(kind: Kind, shape: tuple[int, ...], count: int) -> dict[str, Any]:
    """Fields of a new file, for :func:`encode_mat`; those of inst lack the categories.

    Args:
        kind: The folder that it is for.
        shape: Height and width of the image.
        count: Number of classes or instances.
    """
    cells = np.empty((count, 1), object)
    for index in range(count):
        cells[index, 0] = scipy.sparse.csc_matrix(shape, dtype=np.uint8)
    blank = np.zeros(shape, np.uint8)
    if kind == 'inst':
        return {'Segmentation': blank, 'Boundaries': cells}
    present = np.zeros((0, 1), np.uint8)
    return {'Boundaries': cells, 'Segmentation': blank, 'CategoriesPresent': present}


def _dense(boundary: Any) -> NDArray[np.uint8]:
    array = boundary.toarray() if hasattr(boundary, 'toarray') else np.asarray(boundary)
    return (array > 0).astype(np.uint8)
