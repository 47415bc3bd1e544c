"""What is scored: which predictions, against which truth, by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmsteal.edge_files import PredictionFolder
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.file_evaluation.ground_truth import GroundTruth

_CHOICES = {
    'missing': ('error', 'empty'),
    'label_values': ('files', 'index'),
    'absent': ('nan', 'zero'),
    'absent_image': ('best', 'first'),
}


@dataclass(frozen=True, eq=False)
class EvaluationJob:
    """One or more methods, scored on one data set by one protocol.

    Attributes:
        truth (GroundTruth): The data set.
        predictions (Mapping[str, PredictionFolder]): Predictions by name of method.
        protocol (BoundaryProtocol): How to compare.
        max_dists (Sequence[float]): Tolerances, as fractions of the image diagonal; none: the
            protocol's one.
        names (Sequence[str] | None): The images, in any order; None: all of the data set.
        missing (str): `'error'` stops if a file is missing; `'empty'` counts it as a prediction
            of nothing, and reports it.
        label_values (str): What predicted label maps hold: `'files'`: the values of the data
            set's own files; `'index'`: 0..K-1, and K for background.
        absent (str): See :func:`mmsteal.functional.edge_scores`.
        absent_image (str): See there.

    Raises:
        ValueError: If a value is out of its range, an image is unknown, or the methods do not go
            together.
    """

    truth: GroundTruth
    predictions: Mapping[str, PredictionFolder]
    protocol: BoundaryProtocol
    max_dists: Sequence[float] = ()
    names: Sequence[str] | None = None
    missing: Literal['error', 'empty'] = 'error'
    label_values: Literal['files', 'index'] = 'files'
    absent: Literal['nan', 'zero'] = 'nan'
    absent_image: Literal['best', 'first'] = 'best'

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f'Expected `{name}` to be one of {known}, but got {value!r}.')
        object.__setattr__(self, 'max_dists', tuple(self.max_dists) or (self.protocol.max_dist,))
        # Only who knows all images can tell whose file is missing.
        paired = {m: folder.of_images(self.truth.names) for m, folder in self.predictions.items()}
        object.__setattr__(self, 'predictions', paired)
        for max_dist in self.max_dists:
            BoundaryProtocol(max_dist=max_dist)  # checks it
        self._check_methods()
        object.__setattr__(self, 'names', self._chosen_names())

    def _check_methods(self) -> None:
        if not self.predictions:
            raise ValueError('Expected the predictions of at least one method, but got none.')
        for method, folder in self.predictions.items():
            if not method or '/' in method or method.startswith('.'):
                raise ValueError(
                    f'Expected the name of a method to be fit for a folder, but got {method!r}.'
                )
            if folder.classes != self.classes:
                raise ValueError('Expected all methods to be read for the same classes.')
        if self.protocol.class_agnostic and len(self.classes) < len(self.truth.class_names):
            raise ValueError('Expected all classes in a class-agnostic protocol, but got some.')

    def _chosen_names(self) -> tuple[str, ...]:
        known = self.truth.names
        if self.names is None:
            return tuple(known)
        unknown = sorted(set(self.names) - set(known))
        if unknown or not self.names:
            raise ValueError(
                f'Expected names of images of the data set, such as {known[0]}, but got '
                f'{unknown[:3] or "none"}.'
            )
        return tuple(sorted(set(self.names)))

    @property
    def image_names(self) -> tuple[str, ...]:
        """The images, in the order of the data set."""
        return tuple(self.names or ())

    @property
    def classes(self) -> list[int]:
        """Indices of the classes that are scored."""
        return next(iter(self.predictions.values())).classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of what is scored: the classes, or `all` of them together."""
        names = self.truth.class_names
        if self.protocol.class_agnostic:
            return ('all',) if len(names) > 1 else tuple(names)
        return tuple(names[k] for k in self.classes)

    @property
    def shared_protocol(self) -> BoundaryProtocol:
        """The protocol, with the first tolerance."""
        return replace(self.protocol, max_dist=self.max_dists[0])

    def protocol_of(self, method: str) -> BoundaryProtocol:
        """The protocol; for label maps with one threshold, because there is no curve."""
        if self.predictions[method].kind == 'label_map':
            return replace(self.shared_protocol, thresholds=(0.5,), test_nms=False)
        return self.shared_protocol

    def missing_files(self) -> dict[str, list[tuple[str, str]]]:
        """Look for all files before the first one is read.

        Returns:
            Of each method, images and classes without a file.

        Raises:
            FileNotFoundError: If the truth of an image is missing, or a prediction although
                `missing` is `'error'`; named.
        """
        self.truth.check(self.image_names, self.protocol)
        lacking = {
            method: folder.missing(self.image_names) for method, folder in self.predictions.items()
        }
        for method, found in lacking.items():
            if found and self.missing == 'error':
                name, what = found[0]
                raise FileNotFoundError(
                    f'Expected the prediction of image {name}, {what}, in '
                    f'{self.predictions[method].root.resolve()}, but it is missing ({len(found)} '
                    f'missing in all, of {len(self.image_names)} images); add what is missing, '
                    'leave the images out (--list), or count it as empty (--missing empty). '
                    f'{self.predictions[method].other_files}'.rstrip()
                )
        return lacking
