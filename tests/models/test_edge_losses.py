import pytest
import torch

from mmsteal.functional import balanced_bce_loss, direction_loss, thinning_nms_loss
from mmsteal.models import BalancedBCELoss, DirectionLoss, ThinningNMSLoss


@pytest.fixture
def batch():
    target = torch.zeros(2, 3, 20, 20, dtype=torch.uint8)
    target[0, 1, :, 8:10] = 1
    target[1, 2, 4:6] = 1
    target[1, :, :, 15:] = 255
    return torch.randn(2, 3, 20, 20), target


CASES = [
    (BalancedBCELoss, balanced_bce_loss, dict(beta=0.3)),
    (ThinningNMSLoss, thinning_nms_loss, dict(length=1, temperature=0.5, positives='band')),
    (DirectionLoss, direction_loss, dict(power=1, normals='dollar')),
]


@pytest.mark.parametrize(('loss_class', 'function', 'options'), CASES)
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_class_is_its_function(batch, loss_class, function, options, reduction):
    loss = loss_class(**options, reduction=reduction, loss_weight=2.0)
    torch.testing.assert_close(loss(*batch), 2 * function(*batch, **options, reduction=reduction))


@pytest.mark.parametrize('loss_class', [c[0] for c in CASES])
def test_summed_loss_undoes_the_mean_over_ranks(batch, loss_class, monkeypatch):
    """DDP's gradient is the mean over ranks; G times the sum makes it the sum again."""
    alone = {r: loss_class(reduction=r)(*batch) for r in ('sum', 'mean')}
    monkeypatch.setattr('mmsteal.models.losses.edge_loss.get_world_size', lambda: 4)
    torch.testing.assert_close(loss_class(reduction='sum')(*batch), 4 * alone['sum'])
    torch.testing.assert_close(loss_class(reduction='mean')(*batch), alone['mean'])


@pytest.mark.parametrize('loss_class', [c[0] for c in CASES])
def test_exception_reduction(loss_class):
    with pytest.raises(ValueError, match='reduction'):
        loss_class(reduction='median')


@pytest.mark.parametrize('loss_class', [c[0] for c in CASES])
def test_bfloat16_autocast_is_finite(batch, loss_class):
    logits = batch[0].requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        loss = loss_class()(logits.bfloat16(), batch[1])
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.isfinite().all()
