"""Which edge map serves the objects of a category."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mmsteal.edge_files.class_names import class_indices, plain_name
from mmsteal.label_formats import AnnotatedObject, LabelError, LabelFormat, LabelItem
from mmsteal.text_lists import read_lines

NO_EDGE_MAP = -1


class EdgeClasses:
    """Edge maps by category: as told, else by name; with a single map, that one.

    Names are compared without case, blanks, hyphens and underscores.

    Args:
        names: Names of the K edge maps.
        class_map: Category -> edge map, for categories whose names differ. A category is a name, or
            the value in the files; an edge map is a name, or its number from 1, or 'none' for
            objects that stay as they are.

    Raises:
        ValueError: If an edge map is unknown, or a category is given twice.

    Example:
        >>> classes = EdgeClasses(['car', 'traffic light'], {'van': 'car', '7': 'none'})
        >>> [classes(AnnotatedObject(5, name)) for name in ('Traffic-Light', 'van', 'tree')]
        [1, 0, -1]
    """

    def __init__(self, names: Sequence[str], class_map: Mapping[str, str] | None = None) -> None:
        self.names = tuple(names)
        self._by_name = {plain_name(name): k for k, name in enumerate(self.names)}
        self._told: dict[str, int] = {}
        for category, edge in (class_map or {}).items():
            if plain_name(str(category)) in self._told:
                raise ValueError(
                    f'Expected each category once in the class map, but got {category!r} again.'
                )
            index = NO_EDGE_MAP
            if plain_name(str(edge)) != 'none':
                index = (class_indices([str(edge)], self.names) or [NO_EDGE_MAP])[0]
            self._told[plain_name(str(category))] = index

    def __call__(self, entry: AnnotatedObject) -> int:
        """Index of the edge map of an object; -1 for none."""
        keys = [plain_name(str(key)) for key in (entry.name, entry.category) if key is not None]
        for key in keys:
            if key in self._told:
                return self._told[key]
        if len(self.names) == 1:
            return 0
        # A value is no name: 7 in a label map is not the seventh edge map.
        name = entry.name if entry.name is not None else entry.category
        if isinstance(name, str):
            return self._by_name.get(plain_name(name), NO_EDGE_MAP)
        return NO_EDGE_MAP

    def require_match(self, entries: Iterable[AnnotatedObject]) -> None:
        """Refuse to run where no object has an edge map.

        Args:
            entries: Categories of the labels; read up to the first that has an edge map.

        Raises:
            ValueError: If none has one; both lists of names are in the message.
        """
        found: dict[str, None] = {}
        for entry in entries:
            if self(entry) != NO_EDGE_MAP:
                return
            found.setdefault(entry.category_name)
        raise ValueError(
            'Expected a category of the labels to have an edge map, but none has. Categories: '
            f'{", ".join(found) or "none"}. Edge maps: {", ".join(self.names)}. Say which belong '
            'together with --class-map CATEGORY=EDGE ...'
        )


def require_edge_maps(
    edge_classes: EdgeClasses, source: LabelFormat, items: Sequence[LabelItem]
) -> None:
    """Refuse to run where no object has an edge map, or where nothing can be read.

    Args:
        edge_classes: Which edge map serves which category.
        source: The labels.
        items: Their images; read up to the first object that has an edge map, unless the format
            has a table of its categories.

    Raises:
        ValueError: If there is none; with the first fault of the files, if there was one.
    """
    errors: list[str] = []

    def categories() -> Iterator[AnnotatedObject]:
        for value, name in source.class_names.items():
            yield AnnotatedObject(value, name)
        for item in () if source.class_names else items:
            try:
                yield from source.read(item).objects
            except LabelError as error:  # told when its turn comes, if there is one
                errors.append(str(error))

    try:
        edge_classes.require_match(categories())
    except ValueError as error:
        if not errors:
            raise
        if len(errors) == len(items):
            raise ValueError(
                f'Expected labels that can be read, but none of {len(items)} can; the first: '
                f'{errors[0]}'
            ) from error
        raise ValueError(
            f'{error} {len(errors)} of {len(items)} labels cannot be read; the first: {errors[0]}'
        ) from error


def parse_class_map(words: Sequence[str]) -> dict[str, str]:
    """Pairs `category=edge map` from a command line, or from files with one pair a line.

    Raises:
        ValueError: If a word is neither a pair nor a file; a line of a file is no pair.
        FileNotFoundError: If a file is missing.

    Example:
        >>> parse_class_map(['van=car', 'sky=none'])
        {'van': 'car', 'sky': 'none'}
    """
    pairs: list[tuple[str, str]] = []  # and the file
    for word in words:
        if '=' in word:
            pairs.append((word, ''))
            continue
        if not Path(word).is_file():
            raise FileNotFoundError(
                f'Expected --class-map to be pairs CATEGORY=EDGE or a file of them, but got {word}.'
            )
        pairs += [(line, f' {word}') for line in read_lines(word) if not line.startswith('#')]
    found: dict[str, str] = {}
    for pair, where in pairs:
        category, equals, edge = (part.strip() for part in pair.rpartition('='))
        if not (category and equals and edge):
            raise ValueError(
                f'Expected pairs CATEGORY=EDGE in the class map{where}, but got {pair!r}.'
            )
        if found.setdefault(category, edge) != edge:
            raise ValueError(
                f'Expected each category once in the class map, but got {category!r} with '
                f'{found[category]!r} and {edge!r}.'
            )
    return found
