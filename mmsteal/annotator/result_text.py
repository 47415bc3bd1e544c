"""What happened to the masks, in words and as a table."""

from __future__ import annotations

import math

import numpy as np

from mmsteal.annotator.session import Session

# Reason of a report -> what the page says
FATES = {
    'empty': 'empty',
    'fixed': 'stays: it takes no part',
    'too small': 'stays: too small to see at the size of the edges',
    'no room': 'stays: others hold the ground beside it',
    'by choice': 'stays: taken back by a person',
    'no outline': 'fills the image',
    'no gain': 'stays: no better outline in reach',
    'no edge map': 'stays: no edges for its class',
    'vanished': 'stays: it would vanish',
    'displacement': 'stays: better outlines are too far away',
    'swallowed': 'stays: others would swallow it',
    'agrees': 'stays: the image agrees with it',
    'weak evidence': 'stays: the image does not say enough',
    'broke up': 'stays: it would come apart',
}
HEADERS = [
    'object',
    'class',
    'what happened',
    'steps',
    'moved, px',
    'area before',
    'area after',
]


def count_text(session: Session) -> str:
    """`3 masks`."""
    count = len(session.object_classes)
    return f'{count} mask{"" if count == 1 else "s"}'


def typical_step(session: Session) -> int:
    """Where the slider stands while each object is at its best step."""
    reports = session.result.reports
    alignments = [report.alignment for report in reports if report.status == 'moved']
    steps = [alignment.step for alignment in alignments if alignment is not None]
    return session.result.nearest(int(np.median(steps))) if steps else 0


def result_text(session: Session) -> str:
    """How many objects moved, or which step is shown, and what the outlines gained."""
    evolution = session.result
    before, after = (evolution.mean_edge(step) for step in (0, session.step))
    change = ''
    if not (math.isnan(before) or math.isnan(after)):
        change = f' Edge probability along the outlines: {before:.2f} before, {after:.2f} now.'
    if session.step is not None:
        return f'All objects at step {session.step} of {evolution.steps[-1]}.{change}'
    stepped = any(report.alignment is not None for report in evolution.reports)
    each = ', each to its best step' if stepped else ''
    moved = sum(report.status == 'moved' for report in evolution.reports)
    return f'{moved} of {len(evolution.reports)} objects moved{each}.{change}'


def table_rows(session: Session) -> list[list]:
    """A row an object, in the columns of `HEADERS`."""
    rows = []
    for m, report in enumerate(session.result.reports):
        if report.status == 'moved':
            fate = 'grew' if report.area_refined > report.area_given else 'shrank'
        else:
            fate = FATES.get(report.reason, report.reason)
        rows.append([
            m + 1, session.classes[session.object_classes[m]], fate,
            '' if report.alignment is None else report.alignment.step,
            f'{report.mean_displacement_px:.1f}', report.area_given, report.area_refined,
        ])  # fmt: skip
    return rows
