"""Options of the alignment: each is checked, and what a known error means for them."""

import math
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest

from mmsteal.functional import REFINE_OPTIONS, STOP_EVIDENCES, AlignOptions, change_options


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('num_iters', -1),
        ('num_iters', 2.5),
        ('checkpoints', [-1]),
        ('checkpoints', [1.5]),
        ('smoothing', -1),
        ('balloon', math.nan),
        ('stop_evidence', -1),
        ('stop_evidence', (0.1, -1)),
        ('stop_evidence', ()),
        ('stop_evidence', None),
        ('alpha', 0),
        ('lam', -0.1),
        ('peak_floor', 0),
        ('peak_floor', 1.1),
        ('other_weight', -1),
        ('prob_floor', 0),
        ('prob_floor', 1),
        ('min_gain', -1),
        ('min_gain', math.inf),
        ('max_displacement_px', -1),
        ('max_displacement_px', math.nan),
        ('border', 'wrap'),
        ('phase', 2),
    ],
)
def test_values_out_of_range(name, value):
    with pytest.raises(ValueError, match=f'`{name}`'):
        AlignOptions(**{name: value})
    with pytest.raises(ValueError, match=f'`{name}`'):
        replace(AlignOptions(), **{name: value})


@pytest.mark.parametrize('value', [('a',), 'several', [[0.1], [0.2]]])
def test_stopping_evidence_that_is_no_number(value):
    with pytest.raises(TypeError, match='`stop_evidence`'):
        AlignOptions(stop_evidence=value)


def test_checkpoints_after_the_end():
    with pytest.raises(ValueError, match='`checkpoints`'):
        AlignOptions(num_iters=8, checkpoints=[9])
    late = AlignOptions(checkpoints=[61])  # an error of more than 29 px makes room for it
    assert late.for_error(30).steps == [0, 61]
    for use in (lambda: late.steps, lambda: late.for_error(29)):
        with pytest.raises(ValueError, match='`checkpoints`'):
            use()


def test_unknown_names_of_a_config_are_told_with_those_that_exist():
    with pytest.raises(
        TypeError, match=r'AlignOptions out of num_iters, .*, phase, but got ballon'
    ):
        change_options(AlignOptions(), {'ballon': 1, 'lam': 0.2})
    changed = change_options(REFINE_OPTIONS, {'lam': 0.2, 'checkpoints': [2, 4]})
    assert changed == AlignOptions(stop_evidence=STOP_EVIDENCES, lam=0.2, checkpoints=(0, 2, 4))


def test_they_cannot_be_changed_in_place_and_can_be_a_key():
    options = AlignOptions(stop_evidence=[0.1, 0.2], checkpoints=range(3))
    with pytest.raises(FrozenInstanceError):
        options.num_iters = 3
    assert {options: 1}[AlignOptions(stop_evidence=(0.1, 0.2), checkpoints=(0, 1, 2))] == 1


def test_defaults():
    assert asdict(AlignOptions()) == dict(
        num_iters=None, checkpoints=None, smoothing=1, balloon=1.0, stop_evidence=0.02, alpha=1.0,
        lam=0.0, peak_floor=0.5, other_weight=0.5, prob_floor=0.01, min_gain=0.1,
        max_displacement_px=None, restore_vanished=True, border='replicate', phase=0,
    )  # fmt: skip
    assert AlignOptions().steps == list(range(0, 61, 2))
    assert AlignOptions(num_iters=5).steps == [0, 2, 4]


@pytest.mark.parametrize(
    ('given', 'kept'),
    [(0.1, 0.1), (1, 1.0), (np.array([0.1, 0.2]), (0.1, 0.2)), ([0.1], (0.1,)),
     (np.float32(0.1), float(np.float32(0.1)))],
)  # fmt: skip
def test_stopping_evidence_as_a_number_or_several_of_any_kind(given, kept):
    found = AlignOptions(stop_evidence=given).stop_evidence
    assert found == kept
    assert type(found) is type(kept)


def test_without_a_balloon_one_stopping_evidence_is_enough():
    options = AlignOptions(num_iters=2, balloon=0, stop_evidence=(0.3, 0.9))
    assert options.candidates == ((0, 0.3), (2, 0.3))
    assert len(options.evolutions()) == 1
    assert len(replace(options, balloon=-1).evolutions()) == 2


@pytest.mark.parametrize('scale', [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize('error_px', [1, 3.5, 16])
def test_a_known_error_sets_what_is_open(error_px, scale):
    options = AlignOptions().for_error(error_px, scale)
    assert options.num_iters == 2 * math.ceil(error_px * scale) + 2
    assert options.max_displacement_px == 2 * error_px * scale
    assert AlignOptions().within_error(error_px).num_iters is None
    own = AlignOptions(num_iters=7, max_displacement_px=math.inf)
    assert own.for_error(error_px, scale) == own
    # only what was open
    assert replace(options, num_iters=None, max_displacement_px=None) == AlignOptions()


@pytest.mark.parametrize('error_px', [0, -1, math.nan, math.inf, '8', None])
def test_an_error_that_is_none(error_px):
    with pytest.raises(ValueError, match='`error_px`'):
        AlignOptions().for_error(error_px)
