"""Two sets of labels, in any formats, compared image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmsteal.comparison.common_classes import (
    BASELINE,
    LABELS,
    REFERENCE,
    class_key,
    common_classes,
    merged,
)
from mmsteal.comparison.label_comparison import ComparedImage, LabelComparison
from mmsteal.functional.labels.label_agreement import (
    LabelAgreement,
    check_tolerance,
    label_agreement,
)
from mmsteal.jobs import Job, Workers, run_job
from mmsteal.label_formats import Annotation, LabelError, LabelFormat, LabelItem
from mmsteal.label_formats.image_files import NO_LABEL

# In the maps that are compared; classes are 1, 2, ...
_BACKGROUND, _IGNORED = 0, -1


class _Outcome(NamedTuple):
    """What became of an image: compared, or an error; and the names of the classes seen."""

    name: str
    image: ComparedImage | None
    error: str
    found: dict[str, dict[str, str]]


def compare_labels(
    labels: LabelFormat,
    reference: LabelFormat,
    *,
    baseline: LabelFormat | None = None,
    classes: Sequence[str] | None = None,
    tolerance_px: float = 2.0,
    instances: bool = False,
    num_workers: int = 1,
    progress: bool = False,
) -> LabelComparison:
    """Compare labels with those of a reference: of other people, exact ones, or a checked sample.

    All images of the reference are compared. An object map without objects is an answer, too: what
    the other one has is then lost, or made up. Pixels that any of the labels ignore do not count.

    Args:
        labels (LabelFormat): The labels to judge.
        reference (LabelFormat): What they are compared with.
        baseline (LabelFormat | None): The labels as they were before, to see what got better.
        classes (Sequence[str] | None): Names of the classes to compare. None: those that labels
            and reference both know, of their tables or of what they hold. Names are compared
            without case, blanks, hyphens and underscores.
        tolerance_px (float): See :func:`mmsteal.functional.label_agreement`.
        instances (bool): Outlines between two objects of one class count, too.
        num_workers (int): Threads.
        progress (bool): Show how far it is.

    Returns:
        LabelComparison: What was found. An image that could not be compared is among its problems.

    Raises:
        ValueError: If no image can be compared, or no class; what both have is in the message.
            If `tolerance_px` is negative or not finite.
    """
    check_tolerance(tolerance_px)
    sources = {LABELS: labels, REFERENCE: reference}
    if baseline is not None:
        sources[BASELINE] = baseline
    items = {role: {item.name: item for item in found.items()} for role, found in sources.items()}
    names = _common_names(sources, items)
    problems = _problems(sources, items)

    def compare(name: str) -> _Outcome:
        of_image = {role: items[role][name] for role in sources}
        return _compare(sources, of_image, tolerance_px=tolerance_px, instances=instances)

    job: Job[str, str, _Outcome] = Job(compare, fatal=(Exception,), label='compare')
    done = run_job(job, names, workers=Workers(num_workers, 'thread'), progress=progress)
    outcomes = sorted((found.result for found in done if found.result), key=lambda one: one.name)
    problems.update({found.name: found.error for found in outcomes if found.error})
    images = [found.image for found in outcomes if found.image is not None]
    if not images:
        raise ValueError(
            'Expected at least one image that can be compared, but there is none: '
            f'{"; ".join(list(problems.values())[:3])}'
        )
    found = {role: merged(outcome.found.get(role, {}) for outcome in outcomes) for role in sources}
    common = common_classes(sources, found, classes)
    return LabelComparison(
        classes=tuple(common.names.values()),
        images=tuple(_only(image, common.names) for image in images),
        problems=dict(sorted(problems.items())),
        only_in_labels=common.only_in_labels,
        only_in_reference=common.only_in_reference,
        num_unchecked=len(items[LABELS].keys() - items[REFERENCE].keys()),
        has_baseline=baseline is not None,
    )


def _common_names(
    sources: Mapping[str, LabelFormat], items: Mapping[str, Mapping[str, LabelItem]]
) -> list[str]:
    """Names of the images that all of them have.

    Raises:
        ValueError: If there is none.
    """
    names = sorted(set.intersection(*(set(found) for found in items.values())))
    if names:
        return names
    told = []
    for role, source in sources.items():
        examples = ', '.join(list(items[role])[:3]) or 'none'
        if not items[role] and source.problems():
            examples += f' (the first problem: {source.problems()[0]})'
        told.append(f'{role} in {source.root}: {examples}')
    raise ValueError(
        'Expected images of one name in all of the labels, but there is none. '
        f'{"; ".join(told)}. A name is the path below the folder, without the ending of the format.'
    )


def _problems(
    sources: Mapping[str, LabelFormat], items: Mapping[str, Mapping[str, LabelItem]]
) -> dict[str, str]:
    """Files that cannot be used, and images of the reference that have no label."""
    problems = {
        str(problem.path): f'{role}: {problem.message}'
        for role, source in sources.items()
        for problem in source.problems()
        if problem.message != NO_LABEL
    }
    for role, source in sources.items():
        for name in items[REFERENCE].keys() - items[role].keys():
            problems[name] = f'{role}: there is no label of it in {source.root}.'
    return problems


def _compare(
    sources: Mapping[str, LabelFormat],
    items: Mapping[str, LabelItem],
    *,
    tolerance_px: float,
    instances: bool,
) -> _Outcome:
    """Compare the labels of one image."""
    name = items[REFERENCE].name
    try:
        read = {role: source.read(items[role]) for role, source in sources.items()}
    except LabelError as error:
        return _Outcome(name, None, str(error), {})
    sizes = {role: annotation.object_map.shape for role, annotation in read.items()}
    for role, size in sizes.items():
        if size != sizes[REFERENCE]:
            return _Outcome(
                name, None,
                f'{items[role].labels[0]}: expected the size of the reference '
                f'{items[REFERENCE].labels[0]}, {_size(sizes[REFERENCE])} (width x height), but '
                f'got {_size(size)}; resize one of them.', {},
            )  # fmt: skip
    found = {role: _classes_of(annotation) for role, annotation in read.items()}
    index = {key: value for value, key in enumerate(merged(found.values()), 1)}
    ignored = reduce(or_, (annotation.ignore for annotation in read.values()))
    maps = {role: _class_map(annotation, index, ignored) for role, annotation in read.items()}

    def agreements(role: str) -> dict[str, LabelAgreement]:
        if not index or role not in read:
            return {}
        ids = [read[one].object_map + 1 if instances else None for one in (role, REFERENCE)]
        result = label_agreement(
            maps[role], maps[REFERENCE], len(index), instance_map=ids[0],
            reference_instances=ids[1], background=_BACKGROUND, ignore_index=_IGNORED,
            tolerance_px=tolerance_px,
        )  # fmt: skip
        return {key: one for key, one in zip(index, result, strict=True) if one.union}

    compared = ComparedImage(
        name,
        agreements(LABELS),
        agreements(BASELINE),
        num_pixels=int((~ignored).sum()),
        num_ignored=int((ignored & ~read[REFERENCE].ignore).sum()),
    )
    return _Outcome(name, compared, '', found)


def _classes_of(annotation: Annotation) -> dict[str, str]:
    """Names of the classes of an image, by key."""
    return {class_key(entry.category_name): entry.category_name for entry in annotation.objects}


def _class_map(
    annotation: Annotation, index: Mapping[str, int], ignored: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Number of the class of each pixel (H, W)."""
    values = [index[class_key(entry.category_name)] for entry in annotation.objects]
    labels = np.array([*values, _BACKGROUND], np.int32)[annotation.object_map]  # -1: the last one
    labels[ignored] = _IGNORED
    return labels


def _only(image: ComparedImage, names: Mapping[str, str]) -> ComparedImage:
    """The image with some of its classes, by name."""
    now, before = (
        {name: found[key] for key, name in names.items() if key in found}
        for found in (image.classes, image.baseline)
    )
    return replace(image, classes=now, baseline=before)


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]} x {shape[0]}'
