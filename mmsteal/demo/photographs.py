"""Real photographs with labels that were drawn in a hurry, and careful ones to judge by.

The photographs are scikit-image's; both kinds of labels were drawn for this project by hand, as
LabelMe files: rough ones with as few clicks as will do, careful ones at fivefold magnification.
What the photograph does not show clearly is ignored in the careful ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmsteal.datasets.demo_set.photographs import load_photo
from mmsteal.files import write_file
from mmsteal.label_formats.annotation import Annotation
from mmsteal.label_formats.base import LabelItem
from mmsteal.label_formats.label_maps import encode_png
from mmsteal.label_formats.labelme import LabelmeFormat

LABELS = Path(__file__).parent / 'photograph_labels'
# Name -> what scikit-image calls it: they come with its wheel.
PHOTOGRAPHS = {
    'coffee': 'coffee',
    'astronaut': 'astronaut',
    'motorcycle': 'stereo_motorcycle',
    'cat': 'chelsea',
    'rocket': 'rocket',
}


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph with its objects.

    Attributes:
        name: Of the photograph.
        image: RGB (H, W, 3) uint8.
        classes: What each object is (M,).
        rough: Index of the object of each pixel (H, W), -1 for none, as drawn in a hurry.
        careful: The same, as drawn with care.
        ignored: Pixels (H, W), bool, of which the careful labels say nothing.
    """

    name: str
    image: NDArray[np.uint8]
    classes: tuple[str, ...]
    rough: NDArray[np.int32]
    careful: NDArray[np.int32]
    ignored: NDArray[np.bool_]


class PhotographFolder:
    """The photographs and their rough labels in a folder, as a person would have them.

    `images/NAME.png` and `labels/NAME.json`; :meth:`write` adds `refined/NAME.json`.

    Args:
        folder: Made and filled; labels in it are written anew.

    Raises:
        RuntimeError: If this installation of scikit-image does not have a photograph.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        for name, original in PHOTOGRAPHS.items():
            image = self.folder / 'images' / f'{name}.png'
            if not image.is_file():
                write_file(image, encode_png(Image.fromarray(load_photo(original, longest=None))))
            label = self.folder / 'labels' / f'{name}.json'
            write_file(label, (LABELS / 'rough' / f'{name}.json').read_bytes())
        self._rough = self._format(self.folder / 'labels')
        self._careful = self._format(LABELS / 'careful')

    def read(self) -> list[Photograph]:
        """All photographs, in the order in which they are shown."""
        found = []
        for name in PHOTOGRAPHS:
            item, rough = _read(self._rough, name)
            _, careful = _read(self._careful, name)
            found.append(
                Photograph(
                    name,
                    np.asarray(Image.open(item.image)),
                    tuple(entry.category_name for entry in rough.objects),
                    rough.object_map,
                    careful.object_map,
                    careful.ignore,
                )
            )
        return found

    def write(self, name: str, object_map: NDArray[np.int32]) -> None:
        """Write refined labels of a photograph as LabelMe file."""
        item, rough = _read(self._rough, name)
        self._rough.write(item, rough, object_map, self.folder / 'refined')

    def _format(self, labels: Path) -> LabelmeFormat:
        return LabelmeFormat(labels, images=self.folder / 'images')


def _read(labels: LabelmeFormat, name: str) -> tuple[LabelItem, Annotation]:
    item = next(item for item in labels.items() if item.name == name)
    return item, labels.read(item)
