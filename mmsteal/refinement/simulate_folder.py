"""A folder of exact labels, and folders of coarse ones that a simulated annotator made of it."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmsteal.files import path_under, write_csv
from mmsteal.functional import simulate_coarse_objects
from mmsteal.jobs import (
    Job,
    Origin,
    Records,
    check_out_dir,
    fingerprint,
    one_run,
    run_job,
    writing_to,
)
from mmsteal.label_formats import FormatSpec, LabelFormat, LabelItem
from mmsteal.label_formats.set_checks import require_objects_in_set, require_photographs
from mmsteal.version import __version__

RECORDS = 'records'


@dataclass(frozen=True)
class SimulateSettings:
    """A run: exact labels in, coarse labels out.

    Attributes:
        source (FormatSpec): The labels.
        out_dir (str): Folder of the results; labels go to its folders `4px`, `8px`, ...
        errors_px (tuple[float, ...]): Largest errors of the outlines, in pixels.
        direction (str): Where outlines err, see :func:`mmsteal.functional.simulate_coarse_mask`.
        seed (int): Seed of the direction `'both'`.
    """

    source: FormatSpec
    out_dir: str
    errors_px: tuple[float, ...]
    direction: Literal['inside', 'outside', 'both'] = 'inside'
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse at once what every image would fail on."""
        bad = [error for error in self.errors_px if not 0 <= error < np.inf]
        if bad or not self.errors_px:
            raise ValueError(
                'Expected `errors_px` to be numbers of pixels, at least 0, but got '
                f'{list(self.errors_px)}.'
            )
        if len({folder_name(error_px) for error_px in self.errors_px}) < len(self.errors_px):
            raise ValueError(
                f'Expected `errors_px` to differ in their first six digits, but got '
                f'{list(self.errors_px)}; their labels would go to one folder.'
            )

    def folder(self, error_px: float) -> Path:
        """Folder of the labels of an error."""
        return Path(self.out_dir) / folder_name(error_px)

    def fingerprint(self) -> str:
        """A hash of what the result of an image depends on, besides its files."""
        source = replace(self.source, root=str(Path(str(self.source.root)).resolve()))
        found = {'version': __version__, **asdict(replace(self, source=source, out_dir=''))}
        return fingerprint({key: str(value) for key, value in found.items()})


@dataclass(frozen=True)
class SimulateSummary:
    """What a run did.

    Attributes:
        num_images (int): Images whose coarse labels are there.
        num_skipped (int): Those that an earlier run had done.
        clicks (dict[float, float]): Mean number of clicks an image, by error.
        unread (dict[str, int]): What is no object and was kept as it is, by kind.
        problems (list[str]): What was left out, and why.
    """

    num_images: int
    num_skipped: int
    clicks: dict[float, float]
    unread: dict[str, int]
    problems: list[str]


def folder_name(error_px: float) -> str:
    """`4px`."""
    return f'{error_px:g}px'


def simulate_folder(settings: SimulateSettings, *, progress: bool = True) -> SimulateSummary:
    """Give the labels of a folder the boundary error of coarse ones.

    `OUT/4px`, `OUT/8px`, ... get the labels, `OUT/records` a record an image, written after its
    labels: an image with a record of the same settings and files is skipped, so a run that was
    killed resumes. At the end there is `OUT/clicks.csv`.

    Args:
        settings: What to do.
        progress: Show how far it is.

    Returns:
        What was done.

    Raises:
        ValueError: If there are no labels that can be read, none has an object, or the results
            would be written over them.
        OutputError: If the results cannot be written.
    """
    folders = [folder_name(error_px) for error_px in settings.errors_px]
    root, options = settings.source.root, settings.source.options
    check_out_dir(
        settings.out_dir, (*folders, RECORDS), {'labels': root},
        inside=root is not None and Path(root).is_file(),
    )  # fmt: skip
    sources = {'images': options.get('images'), 'instances': options.get('instances')}
    check_out_dir(settings.out_dir, (*folders, RECORDS), sources, inside=True)
    source = settings.source.open()
    require_photographs(source.items())
    require_objects_in_set(source, source.items())
    simulator = _Simulator(settings, source)
    problems = [str(problem) for problem in source.problems()]
    if not source.items():
        raise ValueError(f'Expected labels at {root}, but there are none that can be read: '
                         f'{problems[:3]}.')  # fmt: skip
    with one_run(settings.out_dir):
        job = Job(simulator, lambda item: item.name, kept=simulator.kept, label='simulate')
        done: list[LabelItem] = []
        num_skipped = 0
        unread: Counter[str] = Counter()
        for outcome in run_job(job, source.items(), progress=progress):
            num_skipped += outcome.kept
            if outcome.error is None:
                done.append(outcome.item)
                unread.update((outcome.result or {}).get('unread', {}))
            else:
                problems.append(outcome.error)
        if not done:
            raise ValueError(f'Expected labels at {root}, but there are none that can be read: '
                             f'{problems[:3]}.')  # fmt: skip
        done.sort(key=lambda item: item.name)
        with writing_to(settings.out_dir):
            for error_px in settings.errors_px:
                source.finish(settings.folder(error_px), done)
            clicks = simulator.write_clicks(done)
    return SimulateSummary(len(done), num_skipped, clicks, dict(unread), problems)


class _Simulator:
    """Makes the coarse labels of one image after another."""

    def __init__(self, settings: SimulateSettings, source: LabelFormat) -> None:
        self.settings = settings
        self.source = source
        out_dir = Path(settings.out_dir)
        self.records = Records(path_under(out_dir, RECORDS), results=out_dir)
        self._fingerprint = settings.fingerprint()

    def kept(self, item: LabelItem) -> dict[str, Any] | None:
        try:
            return self.records.read_current(item.name, self._origin(item))
        except OSError:
            return None  # a file is missing, which is told when its turn comes

    def _origin(self, item: LabelItem) -> Origin:
        return Origin.of(self._fingerprint, [*item.labels, item.image], places=True)

    def __call__(self, item: LabelItem) -> dict[str, Any]:
        settings = self.settings
        with writing_to(settings.out_dir):
            self.records.remove(item.name)
        origin = self._origin(item)
        annotation = self.source.read(item)
        files: list[Path] = []
        clicks: list[list[int]] = []
        for error_px in settings.errors_px:
            coarse, of_objects = simulate_coarse_objects(
                annotation.object_map,
                error_px,
                direction=settings.direction,
                # An image is drawn the same, whichever others there are.
                seed=zlib.crc32(f'{settings.seed} {item.name}'.encode(errors='surrogateescape')),
            )
            # What no outline covers is unlabelled; a polygon behind it was not drawn there.
            with writing_to(settings.out_dir):
                files += self.source.write(
                    item, annotation, coarse, settings.folder(error_px), beneath=False
                )
            clicks.append([sum(number > 0 for number in of_objects), int(sum(of_objects))])
        with writing_to(settings.out_dir):
            found = {'clicks': clicks, 'unread': dict(annotation.unread)}
            return self.records.write(item.name, origin, found, files=files)

    def write_clicks(self, items: Sequence[LabelItem]) -> dict[float, float]:
        """Write what an annotator would have clicked, one line an image and error; the means."""
        errors_px = self.settings.errors_px
        rows: list[list[Any]] = [['image', 'error_px', 'objects', 'clicks']]
        total = dict.fromkeys(errors_px, 0)
        for item in items:
            record = self.records.read(item.name)
            assert record is not None  # it was written, or read, by this run
            for error_px, (objects, clicks) in zip(errors_px, record['clicks'], strict=True):
                rows.append([item.name, f'{error_px:g}', objects, clicks])
                total[error_px] += clicks
        write_csv(Path(self.settings.out_dir) / 'clicks.csv', rows)
        return {error_px: clicks / len(items) for error_px, clicks in total.items()}
