"""A folder of labels refined: what is done already, the rest of it, and what to tell at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmsteal.jobs import Job, Ranks, Workers, check_out_dir, one_run, run_job, writing_to
from mmsteal.label_formats import FormatSpec, LabelError, LabelFormat, LabelItem
from mmsteal.label_formats.set_checks import require_objects_in_set, require_photographs
from mmsteal.refinement.class_mapping import require_edge_maps
from mmsteal.refinement.contact_sheet import worst_records, write_contact_sheet
from mmsteal.refinement.records import (
    REPORTS,
    check_parameters,
    earlier_parameters,
    write_json,
    write_parameters,
)
from mmsteal.refinement.refine_file import FileRefiner, RefineTask
from mmsteal.refinement.set_outlines import Predict, SetOutlines, measure_set
from mmsteal.refinement.settings import RefineSettings
from mmsteal.refinement.summary import count_images, records_of, summarize, write_object_table


@dataclass(frozen=True)
class RefineSummary:
    """What a run did.

    Attributes:
        num_images (int): Images with a label.
        num_done (int): Those whose refined labels are there.
        num_skipped (int): Those that an earlier run had done.
        errors (dict[str, str]): What was wrong, by image or file.
        num_empty (int): Images without an object.
        objects (dict[str, int]): Objects by what happened to them.
        unread (dict[str, int]): Shapes that are no objects (points, lines, boxes without a mask),
            by kind.
        unread_dropped (bool): Whether the results lack them, as another format has no place for
            them.
        classes (dict[str, dict[str, int]]): The same for each class.
        without_edge_map (list[str]): Classes that stayed as they were.
        error_px (dict[str, float] | None): Least, middle and largest error that the outlines of an
            image were taken to have; None where nobody has said one.
        seconds (float): Time of this run.
        files (list[Path]): Tables, pages, and what the format needs for all images.
    """

    num_images: int
    num_done: int
    num_skipped: int
    num_empty: int
    errors: dict[str, str]
    objects: dict[str, int]
    unread: dict[str, int]
    unread_dropped: bool
    classes: dict[str, dict[str, int]]
    without_edge_map: list[str]
    error_px: dict[str, float] | None
    seconds: float
    files: list[Path]


def refine_folder(
    settings: RefineSettings,
    *,
    predict: Predict | None = None,
    ranks: Ranks | None = None,
    num_workers: int = 0,
    overwrite: bool = False,
    contact_sheet: int = 24,
    progress: bool = True,
) -> RefineSummary | None:
    """Refine all labels of a folder into another one.

    `OUT/labels` gets the labels, `OUT/reports` a record an image, written after its labels. An
    image with a record of the same parameters and files is skipped, so a run that was killed
    resumes. At the end there are `OUT/report.csv`, `OUT/report.json` and `OUT/contact_sheet.html`.

    Args:
        settings: What to do.
        predict: Makes the edge maps of an image, (K, H, W) uint8; None where they come from files.
        ranks: Our share; None: all.
        num_workers: Processes that read, evolve and write.
        overwrite: Do all images again, also with other parameters than before.
        contact_sheet: Number of images on the page of the most doubtful ones; 0: no page.
        progress: Show how far it is.

    Returns:
        What was done; None on all ranks but the first.

    Raises:
        ValueError: If no image has an object, no category an edge map, or an image is its own
            label; if the folder holds results of other parameters, or would be inside of the
            sources.
        FileNotFoundError: If there is nothing to refine.
        OutputError: If the results cannot be written.
    """
    start = time.monotonic()
    ours = ranks or Ranks()
    if num_workers < 0 or contact_sheet < 0:
        raise ValueError(
            'Expected arguments `num_workers` and `contact_sheet` to be >= 0, but got '
            f'{num_workers} and {contact_sheet}.'
        )
    check_places(settings.source, settings.out_dir, settings.edges)
    source = settings.source.open()
    items = source.items()
    if not items:
        first = '; the first problem: ' + str(source.problems()[0]) if source.problems() else ''
        raise FileNotFoundError(
            f'Expected images with labels in {settings.source.root}, but there are none{first}'
        )
    unknown = sorted(settings.choices.keys() - {item.name for item in items})
    if unknown:
        raise ValueError(
            f'Expected the choices to be of images in {settings.source.root}, but got '
            f'{", ".join(unknown[:5])}; take the choices of this set.'
        )
    require_photographs(items)
    require_objects_in_set(source, items)
    refiner = FileRefiner(settings, source)
    require_edge_maps(refiner.edge_classes, source, items)
    check_parameters(settings, overwrite=overwrite)
    # Everybody has looked before the first one writes, and all take what it has found.
    with one_run(settings.out_dir) if ours.rank == 0 else nullcontext():
        return _refine_items(
            settings, source, items, predict, ours,
            num_workers=num_workers, overwrite=overwrite, contact_sheet=contact_sheet,
            progress=progress, start=start,
        )  # fmt: skip


def _refine_items(
    settings: RefineSettings,
    source: LabelFormat,
    items: list[LabelItem],
    predict: Predict | None,
    ours: Ranks,
    *,
    num_workers: int,
    overwrite: bool,
    contact_sheet: int,
    progress: bool,
    start: float,
) -> RefineSummary | None:
    """What :func:`refine_folder` does when all is checked."""
    if ours.rank == 0:
        known = _earlier_outlines(settings, overwrite=overwrite).added_to(settings)
        outlines = measure_set(FileRefiner(known, source), items, predict)
    else:
        outlines = SetOutlines()
    (outlines, *_) = ours.gather(outlines)
    settings = outlines.added_to(settings)
    refiner = FileRefiner(settings, source)
    if ours.rank == 0:
        with writing_to(settings.out_dir):
            write_parameters(settings)

    outcomes = run_job(
        _job(refiner, predict, overwrite=overwrite),
        items,
        workers=Workers(num_workers),
        ranks=ours,
        progress=progress,
    )
    errors: dict[str, str] = {}
    num_skipped = 0
    for outcome in outcomes:
        num_skipped += outcome.kept
        if outcome.error is not None:
            errors[outcome.item.name] = outcome.error

    told = ours.gather((errors, num_skipped))
    if ours.rank != 0:
        ours.gather(None)  # the summary is written
        return None
    errors = {name: text for found, _ in told for name, text in found.items()}
    errors.update({str(problem.path): problem.message for problem in source.problems()})
    done = [item for item in items if item.name not in errors]
    if ours.world > 1:
        refiner.records.wait_for(item.name for item in done)
    with writing_to(settings.out_dir):
        summary = _finish(
            refiner,
            items,
            errors,
            num_skipped=sum(skipped for _, skipped in told),
            start=start,
            contact_sheet=contact_sheet,
        )
    ours.gather(None)
    return summary


def _earlier_outlines(settings: RefineSettings, *, overwrite: bool) -> SetOutlines:
    """What the settings say of the set, else what an earlier run has measured."""
    said = SetOutlines.of_settings(settings)
    earlier = {} if overwrite else earlier_parameters(settings)
    error_px, offset = said.error_px, said.offset
    if settings.error_px is None and error_px is None:
        error_px = earlier.get('set_error_px')
    if settings.engine == 'joint' and offset is None:
        offset = earlier.get('options', {}).get('set_offset')
    return SetOutlines(error_px, offset)


def _job(
    refiner: FileRefiner, predict: Predict | None, *, overwrite: bool
) -> Job[LabelItem, RefineTask, dict[str, Any]]:
    def task(item: LabelItem) -> RefineTask:
        return RefineTask(item, None if predict is None else predict(item.image))

    def kept(item: LabelItem) -> dict[str, Any] | None:
        return None if overwrite else refiner.kept(item)

    return Job(work=refiner, name=_name, task=task, kept=kept, label='refine')


def _name(item: LabelItem) -> str:
    return item.name


def check_places(source: FormatSpec, out_dir: str | Path, edges: str | Path | None = None) -> None:
    """Refuse to write into the sources; nothing is opened for it.

    Beside the one file of a format that has one for all images there is room; folders are searched,
    so that nothing may be written below them.

    Args:
        source: The labels.
        out_dir: Folder of the results.
        edges: Folder of the edge maps.

    Raises:
        ValueError: If the output folder is one of the sources or inside of it, or would write over
            it, also by a link.
    """
    one_file = source.root is not None and Path(source.root).is_file()
    labels = {'labels': source.root, 'images': source.options.get('images')}
    others = {'instances': source.options.get('instances'), 'edge maps': edges}
    check_out_dir(out_dir, ('labels', REPORTS), labels, inside=one_file)
    check_out_dir(out_dir, ('labels', REPORTS), others)


def _error_range(records: Iterator[dict[str, Any]]) -> dict[str, float] | None:
    """Least, middle and largest error that the outlines were taken to have."""
    found = sorted(record['error_px'] for record in records if record['error_px'] is not None)
    if not found:
        return None
    return {'least': found[0], 'median': found[len(found) // 2], 'most': found[-1]}


def _finish(
    refiner: FileRefiner,
    items: list[LabelItem],
    errors: dict[str, str],
    *,
    num_skipped: int,
    start: float,
    contact_sheet: int,
) -> RefineSummary:
    """Everything that needs all images."""
    settings, records = refiner.settings, refiner.records
    out_dir = Path(settings.out_dir)
    done = [item for item in items if item.name not in errors]
    files = []
    try:
        files += refiner.target.finish(settings.labels_dir, done)
    except LabelError as error:
        errors = {**errors, 'all images': str(error)}
    files.append(out_dir / 'report.csv')
    found = summarize(write_object_table(files[-1], records_of(records, done)))
    num_empty, unread = count_images(records_of(records, done))
    if contact_sheet:
        worst = worst_records(records_of(records, done), contact_sheet)
        by_name = {item.name: item for item in items}
        files.append(write_contact_sheet(out_dir, worst, by_name))
    files.append(out_dir / 'report.json')
    summary = RefineSummary(
        num_images=len(items),
        num_done=len(done),
        num_skipped=num_skipped,
        num_empty=num_empty,
        errors=dict(sorted(errors.items())),
        unread=dict(sorted(unread.items())),
        unread_dropped=settings.target is not None,
        error_px=_error_range(records_of(records, done)),
        seconds=time.monotonic() - start,
        files=files,
        **found,
    )
    content = {
        'images': summary.num_images,
        'done': summary.num_done,
        'skipped': summary.num_skipped,
        'errors': summary.errors,
        'without_objects': summary.num_empty,
        'objects': summary.objects,
        'unread': summary.unread,
        'unread_dropped': summary.unread_dropped,
        'classes': summary.classes,
        'without_edge_map': summary.without_edge_map,
        'seconds': round(summary.seconds, 1),
        'error_px': summary.error_px,
        'parameters': settings.parameters(),
    }
    write_json(files[-1], content)
    return summary
