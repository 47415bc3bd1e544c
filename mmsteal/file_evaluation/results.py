"""What comes out of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.evaluation.score_report import ClassScores


@dataclass(frozen=True, eq=False)
class MethodResult:
    """Counts and scores of one method.

    Attributes:
        protocol (BoundaryProtocol): With the first tolerance; label maps have one threshold.
        counts (np.ndarray): (N, D, K, T, 4) int32 for N images, D tolerances.
        scores (list[ClassScores]): One per tolerance.
        missing (list[tuple[str, str]]): Images and classes without a file, counted as empty.
        num_reused (int): Images whose counts were there from an earlier run.
    """

    protocol: BoundaryProtocol
    counts: NDArray[np.int32]
    scores: list[ClassScores]
    missing: list[tuple[str, str]]
    num_reused: int


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Scores of several methods on one data set by one protocol.

    Attributes:
        protocol (BoundaryProtocol): The protocol, with the first tolerance.
        max_dists (tuple[float, ...]): All tolerances.
        names (tuple[str, ...]): The images, sorted.
        class_names (tuple[str, ...]): The classes evaluated.
        methods (dict[str, MethodResult]): Results by name of method.
    """

    protocol: BoundaryProtocol
    max_dists: tuple[float, ...]
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    methods: dict[str, MethodResult]
