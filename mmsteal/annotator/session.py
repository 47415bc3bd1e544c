"""What a person has on the page: an image, masks, edges, a result, and the way back.

Shape shorthand: M objects; H, W height and width.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmsteal.annotator.class_list import MAX_CLASSES
from mmsteal.annotator.edge_maps import EdgeMaps
from mmsteal.annotator.evolution import Evolution
from mmsteal.annotator.messages import AnnotatorError
from mmsteal.annotator.pictures import Picture, read_values
from mmsteal.functional import label_objects
from mmsteal.functional.labels.mask_values import is_mask

MAX_OBJECTS = 300
_MAX_HISTORY = 20
# A click of the mouse is no shape.
_MIN_AREA = 5
_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Masks at an earlier time, compressed: a long history fits into memory."""

    action: str
    shape: tuple[int, int]
    objects: bytes
    ignore: bytes
    object_classes: tuple[int, ...]
    classes: tuple[str, ...]
    evolution: Evolution | None


@dataclass(frozen=True, eq=False)
class Session:
    """One browser tab. Every action returns a new one; an action that fails changes nothing.

    Attributes:
        picture (Picture | None): The image.
        classes (tuple[str, ...]): Names of the classes.
        object_map (np.ndarray): (H, W) int32, index of the object of each pixel, -1 for none.
        object_classes (tuple[int, ...]): Class of each object (M,).
        ignore (np.ndarray): (H, W) bool, pixels that a loaded label map says nothing about.
        edges (EdgeMaps | None): Edges of the image, once found.
        evolution (Evolution | None): Where the masks have moved, once asked for.
        step (int | None): Step of the evolution that is shown; None for the best of each object.
        history (tuple[Snapshot, ...]): What undo goes back to, the last one last.
    """

    picture: Picture | None = None
    classes: tuple[str, ...] = ('object',)
    object_map: NDArray[np.int32] = field(default_factory=lambda: np.full((0, 0), -1, np.int32))
    object_classes: tuple[int, ...] = ()
    ignore: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), bool))
    edges: EdgeMaps | None = None
    evolution: Evolution | None = None
    step: int | None = None
    history: tuple[Snapshot, ...] = ()

    @property
    def image(self) -> Picture:
        """The image.

        Raises:
            AnnotatorError: If none is loaded.
        """
        if self.picture is None:
            raise AnnotatorError('Load an image first (step 1).')
        return self.picture

    @property
    def result(self) -> Evolution:
        """Where the masks have moved.

        Raises:
            AnnotatorError: If they have not been refined.
        """
        if self.evolution is None:
            raise AnnotatorError('Refine first; then there are steps and a result.')
        return self.evolution

    def open(self, picture: Picture) -> Session:
        """Begin with an image; the list of classes stays."""
        shape = picture.pixels.shape[:2]
        return Session(
            picture, self.classes, np.full(shape, -1, np.int32), (), np.zeros(shape, bool)
        )

    def with_classes(self, names: Sequence[str]) -> Session:
        """Use another list of classes. Classes that have objects must be in it."""
        lost = [self.classes[k] for k in sorted(set(self.object_classes))]
        lost = [name for name in lost if name not in names]
        if lost:
            raise AnnotatorError(
                f'There are masks of "{lost[0]}", which the new list does not have; remove them '
                'first, or keep the class.'
            )
        moved = tuple(names.index(self.classes[k]) for k in self.object_classes)
        return replace(self._remember('the list of classes'), classes=tuple(names),
                       object_classes=moved)  # fmt: skip

    def add_drawing(
        self, drawing: NDArray[np.bool_], class_name: str, *, fill: bool = True
    ) -> Session:
        """Make masks of what was drawn.

        Each piece that touches no other is an object. One that lies over an object of its class
        enlarges that. Pixels of other objects go to the new one.

        Args:
            drawing (np.ndarray): (H, W) bool.
            class_name (str): One of `classes`.
            fill (bool): Fill what a closed line surrounds.
        """
        shape = self.image.pixels.shape[:2]
        if drawing.shape != shape:
            raise AnnotatorError('The drawing is of another image; draw again.')
        if class_name not in self.classes:
            raise AnnotatorError(f'"{class_name}" is not in the list of classes; pick one.')
        if not drawing.any():
            raise AnnotatorError('Nothing is drawn yet: paint over the object, or around it.')
        filled = ndimage.binary_fill_holes(drawing) if fill else drawing
        pieces, count = ndimage.label(filled, _EIGHT)
        areas = np.bincount(pieces.ravel(), minlength=count + 1)
        kept = [piece for piece in range(1, count + 1) if areas[piece] >= _MIN_AREA]
        if not kept:
            raise AnnotatorError('What is drawn is too small to be a shape; draw a bigger one.')
        k = self.classes.index(class_name)
        object_map, owners = self.object_map.copy(), list(self.object_classes)
        for piece, box in enumerate(ndimage.find_objects(pieces), 1):
            if piece not in kept:
                continue
            mask = pieces[box] == piece
            beneath = object_map[box][mask]
            same = [m for m in np.unique(beneath).tolist() if m >= 0 and owners[m] == k]
            index = max(same, key=lambda m: int((beneath == m).sum()), default=len(owners))
            if index == len(owners):
                owners.append(k)
            object_map[box][mask] = index
        return self._edited(f'the drawing of {class_name}', object_map, owners, self.ignore)

    def erase_drawing(self, drawing: NDArray[np.bool_], *, fill: bool = True) -> Session:
        """Take what was drawn away from all masks."""
        if drawing.shape != self.image.pixels.shape[:2] or not drawing.any():
            raise AnnotatorError('Nothing is drawn yet: paint over what shall go.')
        filled = ndimage.binary_fill_holes(drawing) if fill else drawing
        object_map = np.where(filled, np.int32(-1), self.object_map)
        return self._edited('the erasing', object_map, self.object_classes, self.ignore)

    def load_label_map(self, path: str | Path) -> Session:
        """Take the masks of a label PNG: 0 is background, v the class v of the list, 255 ignored.

        0 and 255 alone are a mask of the first class. Values without a name get one. Each connected
        piece is an object, or each class where there are more than `MAX_OBJECTS` pieces.
        """
        height, width = self.image.pixels.shape[:2]
        labels = read_values(path, 'label map')
        if labels.shape != (height, width):
            raise AnnotatorError(
                f'The label map "{Path(path).name}" is {labels.shape[1]} x {labels.shape[0]} and '
                f'the image {width} x {height}; they must be of one image and one size.'
            )
        return self.with_label_map(labels)

    def with_label_map(self, labels: NDArray[np.integer]) -> Session:
        """Take the masks of a label map (H, W); see :meth:`load_label_map`."""
        if is_mask(labels):
            labels = (labels != 0).astype(np.uint8)
        top = int(labels[labels != 255].max(initial=0))
        if top > MAX_CLASSES:
            raise AnnotatorError(
                f'The label map holds the value {top}; classes are 1 to {MAX_CLASSES}. Is it an '
                'instance map, or the picture itself?'
            )
        found = label_objects(labels, without=(0, 255), components=True)
        if len(found.values) > MAX_OBJECTS:
            found = label_objects(labels, without=(0, 255))
        if not found.values:
            raise AnnotatorError('The label map is empty: it has only background and ignored.')
        added = range(len(self.classes) + 1, max(found.values) + 1)
        after = replace(self, classes=(*self.classes, *(f'class {v}' for v in added)))
        owners = [value - 1 for value in found.values]
        edited = after._edited('the label map', found.object_map, owners, labels == 255)
        # Undo gives back the list of classes too.
        return replace(edited, history=self._remember('the label map').history)

    def clear(self) -> Session:
        """Remove all masks."""
        blank = np.full_like(self.object_map, -1)
        return self._edited('all masks', blank, (), np.zeros_like(self.ignore))

    def with_edges(self, edges: EdgeMaps) -> Session:
        """Use these edges; a result of others is dropped."""
        return replace(self, edges=edges, evolution=None, step=None)

    def with_evolution(self, evolution: Evolution) -> Session:
        """Show where the masks have moved."""
        return replace(self._remember('the refinement'), evolution=evolution, step=None)

    def show_step(self, step: int | None) -> Session:
        """Show a step of the evolution, or with None the best step of each object."""
        nearest = self.result.nearest
        return replace(self, step=None if step is None else nearest(step))

    def keep_result(self) -> Session:
        """Go on with the shown result as the masks."""
        result = self.result.at(self.step)
        return self._edited('going on with the result', result, self.object_classes, self.ignore)

    def shown_map(self) -> NDArray[np.int32]:
        """Object map (H, W) of what the page shows: the result if there is one, or the masks."""
        if self.evolution is None:
            return self.object_map
        return self.evolution.at(self.step)

    def undo(self) -> Session:
        """Take back the last action."""
        if not self.history:
            raise AnnotatorError('There is nothing to undo.')
        last = self.history[-1]
        object_map = np.frombuffer(zlib.decompress(last.objects), np.int16).astype(np.int32)
        ignore = np.unpackbits(
            np.frombuffer(zlib.decompress(last.ignore), np.uint8), count=object_map.size
        )
        return replace(
            self,
            classes=last.classes,
            object_map=object_map.reshape(last.shape),
            object_classes=last.object_classes,
            ignore=ignore.reshape(last.shape).astype(bool),
            evolution=last.evolution,
            step=None,
            history=self.history[:-1],
        )

    def _edited(
        self,
        action: str,
        object_map: NDArray[np.int32],
        owners: Sequence[int],
        ignore: NDArray[np.bool_],
    ) -> Session:
        """New masks, without objects that have no pixel left; an older result is dropped."""
        present = np.unique(object_map)
        present = present[present >= 0]
        if len(present) > MAX_OBJECTS:
            raise AnnotatorError(
                f'{len(present)} objects; the page takes up to {MAX_OBJECTS}. '
                '`mmsteal refine` takes any number.'
            )
        renumber = np.full(len(owners) + 1, -1, np.int32)
        renumber[present] = np.arange(len(present))
        return replace(
            self._remember(action),
            object_map=renumber[object_map],
            object_classes=tuple(int(owners[m]) for m in present),
            ignore=ignore,
            evolution=None,
            step=None,
        )

    def _remember(self, action: str) -> Session:
        snapshot = Snapshot(
            action,
            self.object_map.shape,
            zlib.compress(self.object_map.astype(np.int16).tobytes(), 1),
            zlib.compress(np.packbits(self.ignore).tobytes(), 1),
            self.object_classes,
            self.classes,
            self.evolution,
        )
        return replace(self, history=(*self.history, snapshot)[-_MAX_HISTORY:])
