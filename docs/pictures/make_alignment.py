"""alignment.jpg: labels of training images over the rounds of alignment, from a run of `make demo`.

python docs/pictures/make_alignment.py [--work-dir work_dirs/demo]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from picture_style import (
    ALIGNED,
    EXACT,
    GIVEN,
    MUTED,
    ROOT,
    SMALL_PX,
    Card,
    outline,
    picture_parser,
)
from PIL import Image

from mmsteal.evaluation import label_error

MARGIN, GAP, HEADER, PANEL_WIDTH = 32, 16, 62, 294
# File, object, and center of the window: objects that gain more than the mean of the set, which the
# picture tells, over photographs that are CC0 or in the public domain (see CREDITS.txt).
SHOWN = (('train_0030', 6, (83, 32)), ('train_0158', 3, (42, 44)))
WINDOW = 46  # px of the image


def main() -> None:
    """Read the options and draw."""
    parser = picture_parser(__doc__, 'alignment.jpg')
    parser.add_argument(
        '--work-dir', type=Path, default=ROOT / 'work_dirs' / 'demo', help='what `make demo` wrote'
    )
    args = parser.parse_args()
    draw(args.out, args.work_dir)


def label_folders(work_dir: Path) -> dict[str, Path]:
    """Instance maps by the title of their column: as given, and after each round."""
    rounds = sorted(
        (work_dir / 'train' / 'aligned_labels').glob('iter_*[0-9]'),
        key=lambda folder: int(folder.name.removeprefix('iter_')),
    )
    if not rounds:
        raise SystemExit(f'Expected aligned labels in {work_dir}; run `make demo` first.')
    return {
        'given': work_dir / 'data' / 'noisy_instances' / 'train',
        **{f'round {i}': folder / 'instances' for i, folder in enumerate(rounds, start=1)},
    }


def draw(path: Path, work_dir: Path, shown=SHOWN) -> None:
    """Write the picture."""
    folders = label_folders(work_dir)
    exact = work_dir / 'data' / 'instances' / 'train'
    row_height = PANEL_WIDTH + 50
    width = 2 * MARGIN + len(folders) * (PANEL_WIDTH + GAP) - GAP
    card = Card(width, HEADER + len(shown) * row_height + 112)
    for column, (title, folder) in enumerate(folders.items()):
        x = MARGIN + column * (PANEL_WIDTH + GAP)
        color = ALIGNED if column else GIVEN
        card.text(x, HEADER - 14, title, weight='bold', color=color, va='baseline')
        for row, (name, number, center) in enumerate(shown):
            y = HEADER + row * row_height
            box = window(center)
            image = np.asarray(Image.open(work_dir / 'data/images/train' / f'{name}.jpg'))
            truth, label = (read_ids(f / f'{name}.png') == number for f in (exact, folder))
            wrong = 0.2 * image + 0.8 * np.array([255, 176, 0])
            pixels = np.where((truth != label)[..., None], wrong, image).astype(np.uint8)
            axes = card.image(x, y, PANEL_WIDTH, PANEL_WIDTH, pixels[box], interpolation='nearest')
            outline(axes, truth[box], EXACT, 3)
            outline(axes, label[box], color, 3)
            error = label_error([(truth.astype(int), label.astype(int))])
            card.text(
                x + PANEL_WIDTH / 2,
                y + PANEL_WIDTH + 10,
                f'{error.px:.2f} px',
                size_px=SMALL_PX,
                ha='center',
            )
    card.text(
        MARGIN,
        card.height - 96,
        summary(folders, exact),
        size_px=SMALL_PX,
        color=MUTED,
        linespacing=1.35,
    )
    card.save(path)


def summary(folders: dict[str, Path], exact: Path) -> str:
    """The legend, and the distances over the whole set."""
    files = sorted(file.name for file in exact.iterdir())
    errors = [
        label_error((read_ids(exact / file), read_ids(folder / file)) for file in files).px
        for folder in folders.values()
    ]
    return (
        'White: the exact outline, which training never sees. Orange: pixels with a wrong label.\n'
        'Distance of the outlines in px, mean; over all '
        f'{len(files)} images: {", ".join(f"{error:.2f}" for error in errors)}.'
    )


def window(center: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a window around x, y that lies inside of the image."""
    left, top = (min(max(v - WINDOW // 2, 0), 160 - WINDOW) for v in center)
    return slice(top, top + WINDOW), slice(left, left + WINDOW)


def read_ids(path: Path) -> NDArray[np.int32]:
    """An instance map."""
    return np.asarray(Image.open(path)).astype(np.int32)


if __name__ == '__main__':
    main()
