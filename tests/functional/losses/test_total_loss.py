"""Eq. 7 is the weighted sum of its three losses."""

import pytest
import torch

from mmsteal.functional import (
    balanced_bce_loss,
    direction_loss,
    edge_geometry,
    steal_loss,
    thinning_nms_loss,
)
from mmsteal.functional.losses import total_loss as module


@pytest.fixture
def batch():
    target = torch.zeros(2, 3, 20, 20, dtype=torch.uint8)
    target[0, 1, :, 8:10] = 1
    target[1, 2, 4:6] = 1
    target[1, :, :, 15:] = 255
    return torch.randn(2, 3, 20, 20), target


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_is_the_weighted_sum(batch, dtype, reduction):
    """Value and gradient, to the bit."""
    alpha, beta = (0.5, 3.0, 2.0), 'image'
    gradients, losses = [], []
    for total in (True, False):
        logits = batch[0].to(dtype).requires_grad_()
        options = dict(reduction=reduction, ignore_index=255)
        if total:
            loss = steal_loss(logits, batch[1], alpha=alpha, beta=beta, **options)
        else:
            loss = (
                alpha[0] * balanced_bce_loss(logits, batch[1], beta=beta, **options)
                + alpha[1] * thinning_nms_loss(logits, batch[1], **options)
                + alpha[2] * direction_loss(logits, batch[1], **options)
            )
        loss.backward()
        losses.append(loss)
        gradients.append(logits.grad)
    assert torch.equal(*losses)
    assert torch.equal(*gradients)


def test_other_ignored_value(batch):
    logits, target = batch
    other = torch.where(target == 255, 7, target.long())
    assert torch.equal(steal_loss(logits, other, ignore_index=7), steal_loss(logits, target))


def test_geometry_of_the_label_is_made_once(batch, monkeypatch):
    calls = []

    def counted(*args, **options):
        calls.append(args)
        return edge_geometry(*args, **options)

    for name in ('total_loss', 'nms_loss', 'direction'):
        monkeypatch.setattr(f'mmsteal.functional.losses.{name}.edge_geometry', counted)
    module.steal_loss(*batch)
    assert len(calls) == 1


def test_exceptions(batch):
    logits, target = batch
    with pytest.raises(ValueError, match=r'`alpha`.*three numbers'):
        steal_loss(logits, target, alpha=(1.0, 10.0))
    with pytest.raises(ValueError, match='`reduction`'):
        steal_loss(logits, target, reduction='none')
    with pytest.raises(ValueError, match='resize the logits'):
        steal_loss(logits, target[..., 1:])
    with pytest.raises(ValueError, match='`beta`'):
        steal_loss(logits, target, beta='bach')
