"""The part of a test pipeline that needs no labels."""

from __future__ import annotations

from collections.abc import Sequence


def image_steps(pipeline: Sequence[dict]) -> list[dict]:
    """Take the steps of a test pipeline from the path of an image to the model.

    Args:
        pipeline (Sequence[dict]): Configs of the steps, labels included.

    Returns:
        list[dict]: Copies of the steps, without those that load labels or make edges of them.

    Example:
        >>> [s['type'] for s in image_steps([dict(type='LoadImageFromFile'),
        ...     dict(type='LoadEdgeAnnotations'), dict(type='PackEdgeInputs')])]
        ['LoadImageFromFile', 'PackEdgeInputs']
    """
    return [
        dict(step)
        for step in pipeline
        if step['type'] != 'GenerateEdges'
        and (step['type'] == 'LoadImageFromFile' or not step['type'].startswith('Load'))
    ]
