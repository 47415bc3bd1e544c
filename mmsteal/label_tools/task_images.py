"""The images of a label tool's tasks, as files of one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmsteal.label_formats import LabelError
from mmsteal.label_formats.image_files import image_size
from mmsteal.label_formats.label_studio import find_image, image_address


@dataclass(frozen=True)
class TaskImages:
    """Where the images of tasks are.

    Attributes:
        root (Path): Their folder; nothing outside of it is read, and nothing is fetched.
        key (str | None): Name of the image in the data of a task. None: the only value, or 'image'.
        max_pixels (int): Largest image.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    root: Path
    key: str | None = None
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise FileNotFoundError(
                f'Expected the images in the folder {self.root.resolve()}; there is none.'
            )

    def find(self, task: Mapping[str, Any]) -> tuple[Path, tuple[int, int]]:
        """The image of a task, and its height and width.

        Args:
            task (Mapping[str, Any]): A task with data, as Label Studio sends it.

        Raises:
            LabelError: If the task names no image, one outside of the folder, or one that is too
                large.
            FileNotFoundError: If the image is not there.
        """
        path = find_image(image_address(task['data'], self.key), self.root)
        height, width = image_size(path)
        if height * width > self.max_pixels:
            raise LabelError(
                f'task {task.get("id")}: the image has {width} x {height} pixels, but '
                f'{self.max_pixels} is the most that is refined; raise --max-pixels.'
            )
        return path, (height, width)
