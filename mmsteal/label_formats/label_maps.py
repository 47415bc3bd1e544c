"""Label maps as objects, and objects painted into label maps again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.functional.labels.label_objects import label_objects, run_starts
from mmsteal.input_files import load_image
from mmsteal.label_formats.annotation import AnnotatedObject, Annotation, LabelError
from mmsteal.label_formats.base import Unclaimed

_MODES = ('1', 'L', 'P', 'I;16', 'I')


def read_map(path: Path) -> Image.Image:
    """A label map as a loaded picture of values: PNG of mode 1, L, P or I;16.

    Raises:
        LabelError: If it is damaged or holds colors in place of values.
    """
    try:
        image = load_image(path)
    except (OSError, ValueError) as error:
        raise LabelError(
            f'{path}: cannot read the label map ({error}); fix or remove it.'
        ) from error
    if image.mode not in _MODES:
        raise LabelError(
            f'{path}: expected one value a pixel (mode L, P or I;16), but got mode '
            f'{image.mode}; {_cure(image)}.'
        )
    return image


def _cure(image: Image.Image) -> str:
    """What to do with a picture of several channels."""
    channels = np.asarray(image)
    if image.mode.upper() == 'LA':
        return 'save it without the transparency'
    if image.mode == 'RGBA' and not np.ptp(channels[..., :3], axis=(0, 1)).any():
        return 'its color is the same everywhere: save the transparency alone, if that is the label'
    if image.mode in ('RGB', 'RGBA') and (channels[..., :3] == channels[..., :1]).all():
        return 'its channels are equal: save one of them alone'
    return 'convert colors to class values first'


def map_values(image: Image.Image) -> NDArray[np.int32]:
    """Values of a label map (H, W)."""
    return np.asarray(image).astype(np.int32)


def encode_map(
    values: NDArray[np.integer], path: Path, *, like: Image.Image | None = None
) -> bytes:
    """A label map as PNG, in the mode and with the palette of another.

    Args:
        values: (H, W), at least 0.
        path: File that it is for, to be named in an error.
        like: The other label map; None picks mode L, or I;16 for values above 255.

    Raises:
        LabelError: If a value does not fit.
    """
    wide = like.mode in ('I;16', 'I') if like is not None else bool(values.max(initial=0) > 255)
    limit = 65535 if wide else 255
    if values.min(initial=0) < 0 or values.max(initial=0) > limit:
        raise LabelError(
            f'{path}: expected values from 0 to {limit} in the label map, but got '
            f'{values.min()} to {values.max()}.'
        )
    one_bit = like is not None and like.mode == '1' and values.max(initial=0) <= 1
    image = Image.fromarray(values.astype(bool if one_bit else np.uint16 if wide else np.uint8))
    options = {}
    if like is not None and like.mode == 'P':
        image = Image.frombytes('P', image.size, image.tobytes())
        image.putpalette(like.getpalette() or [])
    if like is not None and 'transparency' in like.info:
        options['transparency'] = like.info['transparency']
    return encode_png(image, **options)


def encode_png(image: Image.Image, **options: Any) -> bytes:
    """A picture as the bytes of a PNG file.

    Compressed little unless asked for: label maps stay small, and take half the time.
    """
    buffer = BytesIO()
    image.save(buffer, 'PNG', **{'compress_level': 1, **options})
    return buffer.getvalue()


def present_values(values: NDArray[np.integer]) -> list[int]:
    """Values that occur in a label map (H, W), ascending."""
    found: list[int] = np.unique(values.ravel()[run_starts(values)]).tolist()
    return found


def annotated_objects(
    labels: NDArray[np.integer],
    instances: NDArray[np.integer] | None = None,
    *,
    background: Collection[int] = (),
    ignore: Collection[int] = (),
    components: bool = False,
    names: Mapping[int | str, str] | None = None,
) -> tuple[NDArray[np.int32], tuple[AnnotatedObject, ...], NDArray[np.bool_]]:
    """What an :class:`Annotation` says of a label map: its objects, and the pixels to leave alone.

    Args:
        labels: (H, W) values of classes.
        instances: (H, W) instance ids. The pixels with one value and one id are one object.
        background: Values that are no object.
        ignore: Values of pixels to leave alone.
        components: Without instances, each 8-connected component is an object, in place of each
            value.
        names: Names of the values.

    Returns:
        Object map (H, W) int32, objects in the order of :func:`mmsteal.functional.label_objects`,
        ignored pixels (H, W) bool.
    """
    found = label_objects(
        labels,
        instances,
        without={*background, *ignore},
        components=components and instances is None,
    )
    objects = tuple(
        AnnotatedObject(value, (names or {}).get(value), instance)
        for value, instance in zip(found.values, found.instances, strict=True)
    )
    ignored = np.zeros(labels.shape, np.bool_)
    for value in ignore:
        ignored |= labels == value
    return found.object_map, objects, ignored


def require_objects(path: Path, objects: Collection[AnnotatedObject], *, negative: bool) -> None:
    """Refuse a label map that says nothing.

    Args:
        path: The file, to be named.
        objects: What was found in it.
        negative: Whether the file says of pixels that they are background. Then no object is an
            answer too.

    Raises:
        LabelError: If there is neither an object nor background.
    """
    if not objects and not negative:
        raise LabelError(
            f'{path}: the label is empty, there is neither an object nor background in it (ignored '
            'values are none); remove the file or check the options background and ignore.'
        )


def unclaimed_value(
    wanted: Unclaimed, background: Collection[int], ignore: Collection[int], *, what: str
) -> int:
    """Value of the pixels that no object claims any more.

    Raises:
        ValueError: If there is no such value.
    """
    if isinstance(wanted, int):
        return wanted
    if background and wanted in (None, 'background'):
        return next(iter(background))
    if ignore and wanted in (None, 'ignore'):
        return next(iter(ignore))
    raise ValueError(
        f'Expected a value for pixels that no object claims any more in {what}; give `unclaimed` '
        'a number, or say which values are background or ignored.'
    )


def paint_changes(
    original: NDArray[np.integer],
    annotation: Annotation,
    object_map: NDArray[np.int32],
    values: NDArray[np.integer],
    unclaimed: Callable[[], int],
) -> NDArray[np.integer]:
    """A label map with the pixels painted anew whose object changed.

    Args:
        original: (H, W) values.
        annotation: The objects before.
        object_map: (H, W) the objects after.
        values: Value of each object.
        unclaimed: Tells the value of pixels that lost their object; asked only if there are any.
    """
    painted = original.copy()
    changed = object_map != annotation.object_map
    claimed = changed & (object_map >= 0)
    painted[claimed] = values[object_map[claimed]]
    lost = changed & (object_map < 0)
    if lost.any():
        painted[lost] = unclaimed()
    return painted


def paint_all(
    annotation: Annotation,
    object_map: NDArray[np.int32],
    values: NDArray[np.integer],
    *,
    rest: int,
    ignored: int,
) -> NDArray[np.int32]:
    """A label map of values of all objects; `rest` where there is none, `ignored` where ignored."""
    padded = np.append(np.asarray(values, np.int32), np.int32(rest))
    painted = padded[object_map]  # -1 takes the last one
    painted[annotation.ignore & (object_map < 0)] = ignored
    return painted
