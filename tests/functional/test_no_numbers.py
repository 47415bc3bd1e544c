"""What is no number, and no value of a target, is an error or stays visible: never a result."""

import dataclasses

import numpy as np
import pytest
import torch

from mmsteal import functional
from mmsteal.evaluation.protocol import BoundaryProtocol
from mmsteal.functional import (
    balanced_bce_loss,
    boundary_logits,
    class_boundaries,
    direction_loss,
    edge_geometry,
    edge_nms,
    evolve_level_set,
    steal_loss,
    thinning_nms_loss,
)

NAN, INF = float('nan'), float('inf')
LOSSES = [balanced_bce_loss, thinning_nms_loss, direction_loss, steal_loss]


def scene(dtype=torch.uint8):
    target = torch.zeros(2, 3, 20, 24, dtype=dtype)
    target[0, 1, :, 8:11] = 1
    target[1, 2, 5, 3:20] = 1
    target[0, :, :, 12:14] = 255
    logits = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    return logits.requires_grad_(), target


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize(
    ('dtype', 'value'),
    [
        (torch.uint8, 7),
        (torch.uint8, 2),
        (torch.uint8, 254),
        (torch.int64, -1),
        (torch.int64, 7),
        (torch.int32, 256),
        (torch.int8, -2),
        (torch.float32, NAN),
        (torch.float32, INF),
        (torch.float32, 0.5),
        (torch.float64, -1.0),
        (torch.float16, NAN),
    ],
)
def test_targets_that_are_no_edge_maps(loss, dtype, value):
    logits, target = scene(torch.int64)
    target = target.clamp(max=1).to(dtype)
    target[0, 0, 3, 3] = value
    with pytest.raises(ValueError, match=rf'`target` to hold 1 .* but got {value:g};'):
        loss(logits, target)
    with pytest.raises(ValueError, match='`target` to hold'):
        edge_geometry(target)


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('ignore_index', [255, 100, -100, 2, 0, 1])
@pytest.mark.parametrize('dtype', [torch.int16, torch.float32, torch.uint8])
def test_every_ignore_index_is_fine(loss, ignore_index, dtype):
    logits, target = scene(torch.int16)
    target[target == 255] = ignore_index
    if dtype == torch.uint8 and ignore_index < 0:
        target.clamp_(min=0)
    assert torch.isfinite(loss(logits, target.to(dtype), ignore_index=ignore_index))


@pytest.mark.parametrize('loss', LOSSES)
def test_empty_and_bool_targets(loss):
    assert loss(torch.zeros(0, 2, 5, 5), torch.zeros(0, 2, 5, 5)) == 0
    logits, target = scene()
    assert torch.isfinite(loss(logits, target == 1))


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('value', [NAN, INF, -INF])
def test_predictions_under_ignored_pixels_change_nothing(loss, value):
    logits, target = scene()
    with torch.no_grad():
        # As far from an edge as makes no difference to a finite one.
        target[0, :, :, 20:] = 255
        logits[0, :, :, 20:] = -100.0
    expected = loss(logits, target)
    (gradient,) = torch.autograd.grad(expected, logits)
    broken = logits.detach().clone()
    broken[0, :, :, 21:] = value
    broken.requires_grad_()
    found = loss(broken, target)
    (broken_gradient,) = torch.autograd.grad(found, broken)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert torch.isfinite(broken_gradient).all()
    torch.testing.assert_close(broken_gradient, gradient)


@pytest.mark.parametrize('loss', LOSSES)
def test_no_number_beside_an_edge_under_ignored_pixels(loss):
    logits, target = scene()
    with torch.no_grad():
        logits[0, :, :, 12:14] = NAN  # within the reach of both filters
    found = loss(logits, target)
    (gradient,) = torch.autograd.grad(found, logits)
    assert torch.isfinite(found)
    assert torch.isfinite(gradient).all()
    assert (gradient[0, :, :, 12:14] == 0).all()


@pytest.mark.parametrize('loss', LOSSES)
def test_no_number_that_counts_is_seen(loss):
    logits, target = scene()
    with torch.no_grad():
        logits[0, 1, :, 9] = NAN
    assert torch.isnan(loss(logits, target))


def test_segmentation_logits_under_ignored_pixels():
    logits = torch.randn(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    valid = torch.ones(1, 1, 12, 12, dtype=torch.bool)
    valid[..., 8:] = False
    expected = boundary_logits(logits, valid=valid)
    logits[..., 8:] = NAN
    logits.requires_grad_()
    found = boundary_logits(logits, valid=valid)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ('loss', 'option'),
    [
        (balanced_bce_loss, {'beta': NAN}),
        (thinning_nms_loss, {'temperature': NAN}),
        (thinning_nms_loss, {'temperature': INF}),
        (thinning_nms_loss, {'length': NAN}),
        (direction_loss, {'damping': NAN}),
        (direction_loss, {'damping': INF}),
        (direction_loss, {'filter_radius': NAN}),
        (direction_loss, {'power': NAN}),
        (steal_loss, {'alpha': (1, NAN, 1)}),
        (steal_loss, {'alpha': (1, INF, 1)}),
    ],
)
def test_options_of_losses(loss, option):
    with pytest.raises(ValueError, match=next(iter(option))):
        loss(*scene(), **option)


@pytest.mark.parametrize('value', [NAN, INF, -INF])
@pytest.mark.parametrize('kind', [np.asarray, torch.from_numpy])
def test_edge_nms(kind, value):
    score = np.full((2, 9, 9), 0.5, np.float32)
    score[1, 4, 4] = value
    with pytest.raises(ValueError, match='finite'):
        edge_nms(kind(score))
    for option in ('radius', 'multiplier', 'smooth_radius', 'normal_radius', 'border'):
        with pytest.raises(ValueError, match='at least 0 and finite'):
            edge_nms(kind(score[:1]), **{option: value})


@pytest.mark.parametrize('option', ['threshold', 'balloon'])
@pytest.mark.parametrize('value', [NAN, INF])
def test_level_sets(option, value):
    masks, speed = np.ones((1, 9, 9), bool), np.ones((1, 9, 9))
    with pytest.raises(ValueError, match=f'`{option}` to be finite'):
        evolve_level_set(masks, speed, 3, **{option: value})


def test_classes_are_counted():
    for value in (0, -1, NAN, 2.0):
        with pytest.raises(ValueError, match='num_classes'):
            class_boundaries(torch.zeros(1, 5, 5, dtype=torch.long), value)


OPTIONS = [
    functional.AlignOptions,
    functional.AssignOptions,
    functional.EvolutionOptions,
    functional.GeodesicOptions,
    functional.JointOptions,
    BoundaryProtocol,
]


@pytest.mark.parametrize(
    ('options', 'name'),
    [
        (options, field.name)
        for options in OPTIONS
        for field in dataclasses.fields(options)
        if {'int', 'float'} & set(str(field.type).replace('|', ' ').split())
    ],
)
def test_no_option_is_no_number(options, name):
    with pytest.raises((ValueError, TypeError), match=r'.'):
        options(**{name: NAN})


def test_the_options_are_all_there():
    found = {
        value
        for name in functional.__all__
        if isinstance(value := getattr(functional, name), type)
        and dataclasses.is_dataclass(value)
        and name.endswith('Options')
    }
    assert found == set(OPTIONS[:-1])
