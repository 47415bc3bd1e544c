"""Which classes two sets of labels have in common, whatever their formats call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmsteal.edge_files.class_names import plain_name
from mmsteal.label_formats import LabelFormat

LABELS, REFERENCE, BASELINE = 'labels', 'reference', 'baseline'


@dataclass(frozen=True)
class CommonClasses:
    """The classes to compare.

    Attributes:
        names (Mapping[str, str]): Key of each class, see :func:`class_key`, and its name.
        only_in_labels (tuple[str, ...]): Classes of the labels that the reference does not know.
        only_in_reference (tuple[str, ...]): The other way round.
    """

    names: Mapping[str, str]
    only_in_labels: tuple[str, ...] = ()
    only_in_reference: tuple[str, ...] = ()


def common_classes(
    sources: Mapping[str, LabelFormat],
    found: Mapping[str, Mapping[str, str]],
    classes: Sequence[str] | None = None,
) -> CommonClasses:
    """The classes to compare, in the order of a table of classes, else of names or numbers.

    Args:
        sources (Mapping[str, LabelFormat]): Labels, reference and, if there is one, baseline.
        found (Mapping[str, Mapping[str, str]]): Names by key of the classes that each of them has
            in its images.
        classes (Sequence[str] | None): Names that are asked for. None: what labels and reference
            both know, of their tables or of their images, and at least one of all has.

    Raises:
        ValueError: If a class that is asked for is unknown, or the names have nothing in common;
            both lists are in the message.
    """
    tables = {
        role: {class_key(str(name)): str(name) for name in source.class_names.values()}
        for role, source in sources.items()
    }
    known = {role: {**tables[role], **found[role]} for role in sources}
    names = _ordered(merged([known[REFERENCE], *known.values()]), tables)
    told = '. '.join(
        f'Classes of the {role} in {source.root}: {", ".join(known[role].values()) or "none"}'
        for role, source in sources.items()
    )
    if classes is not None:
        unknown = [name for name in classes if class_key(name) not in names]
        if unknown:
            raise ValueError(
                f'Expected classes that the labels know, but got {", ".join(unknown)}. {told}.'
            )
        return CommonClasses({key: names[key] for key in map(class_key, classes)})
    for role in sources:
        if found[role] and found[REFERENCE] and not known[role].keys() & known[REFERENCE].keys():
            raise ValueError(
                f'Expected a class that {role} and reference both know, but there is none. {told}. '
                'Give values their names with the option `classes` of the format, as classes.car=7.'
            )
    # A set in which nothing was found, and that has no table, may still know all of them.
    judges = [known[role] for role in (LABELS, REFERENCE) if known[role]]
    present = merged(found.values())
    kept = {
        key: name
        for key, name in names.items()
        if key in present and all(key in judge for judge in judges)
    }
    left = (
        tuple(name for key, name in names.items() if key in found[role] and key not in known[other])
        for role, other in ((LABELS, REFERENCE), (REFERENCE, LABELS))
    )
    return CommonClasses(kept, *(part if len(judges) == 2 else () for part in left))


def class_key(name: str) -> str:
    """What two names of one class have in common: no case, blanks, hyphens or underscores."""
    return plain_name(name)


def merged(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """All entries of some tables; of those with one key the first."""
    found: dict[str, str] = {}
    for table in tables:
        for key, name in table.items():
            found.setdefault(key, name)
    return found


def _ordered(names: Mapping[str, str], tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The names in the order of the tables, numbers before other names behind them."""
    rest = sorted(names, key=lambda key: (not key.isdigit(), len(key) * key.isdigit(), key))
    order = merged([tables[REFERENCE], *tables.values(), dict.fromkeys(rest, '')])
    return {key: names[key] for key in order}
