import pytest
import torch

from mmsteal.functional import (
    balanced_bce_loss,
    direction_loss,
    edge_geometry,
    thinning_nms_loss,
)
from mmsteal.models import BalancedBCELoss, DirectionLoss, ThinningNMSLoss
from mmsteal.models.losses import edge_loss
from mmsteal.models.losses.edge_loss import SharedGeometry


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
    of_geometry = {k: options[k] for k in ('positives', 'normals') if k in options}
    others = {k: v for k, v in options.items() if k not in of_geometry}
    if of_geometry:
        others['geometry'] = edge_geometry(batch[1], **of_geometry)
    assert torch.equal(loss(*batch), 2 * function(*batch, **others, reduction=reduction))


def test_losses_with_the_same_options_share_one_geometry(batch, monkeypatch):
    calls = []

    def counted(target, **options):
        calls.append(options)
        return edge_geometry(target, **options)

    monkeypatch.setattr(edge_loss, 'edge_geometry', counted)
    losses = [
        BalancedBCELoss(),
        ThinningNMSLoss(),
        DirectionLoss(),
        ThinningNMSLoss(positives='band'),
        DirectionLoss(positives='band', normals='dollar'),
    ]
    alone = [loss(*batch) for loss in losses]
    calls.clear()
    shared = SharedGeometry(batch[1])
    together = [loss(*batch, **shared.options_for(loss)) for loss in losses]
    assert [torch.equal(a, b) for a, b in zip(alone, together, strict=True)] == [True] * 5
    assert [(c['positives'], c['normals']) for c in calls] == [
        ('center', 'hessian'),
        ('band', 'hessian'),
        ('band', 'dollar'),
    ]


@pytest.mark.parametrize('loss_class', [c[0] for c in CASES])
def test_summed_loss_undoes_the_mean_over_ranks(batch, loss_class, monkeypatch):
    """DDP's gradient is the mean over ranks; G times the sum makes it the sum again."""
    alone = {r: loss_class(reduction=r)(*batch) for r in ('sum', 'mean')}
    monkeypatch.setattr('mmsteal.models.losses.edge_loss.get_world_size', lambda: 4)
    monkeypatch.setattr('mmsteal.models.losses.balanced_bce_loss.get_world_size', lambda: 4)
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


@pytest.mark.parametrize(
    ('loss_class', 'options'),
    [
        (BalancedBCELoss, dict(beta='bach')),
        (ThinningNMSLoss, dict(length=0)),
        (ThinningNMSLoss, dict(normals='sobel')),
        (DirectionLoss, dict(power=3)),
    ],
)
def test_exception_options_when_built(loss_class, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        loss_class(**options)


def _gradient_on_rank(rank, world_size, port, target, logits, queue):
    import os

    import torch.distributed as dist

    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    own = slice(rank, None, world_size)
    x = logits[own].clone().requires_grad_()
    total = sum(loss_class()(x, target[own]) for loss_class in (c[0] for c in CASES))
    total.backward()
    # DDP's step: the mean over ranks, here of a parameter that is added to every logit.
    gradient = x.grad.sum()
    dist.all_reduce(gradient)
    queue.put((rank, (gradient / world_size).item()))
    dist.destroy_process_group()


def test_two_ranks_step_as_one(batch):
    """The gradient of two ranks with half the batch each, averaged, is that of the whole batch."""
    logits, target = batch
    target[0, 0, 3] = 1  # the two images have unlike numbers of edge pixels
    x = logits.clone().requires_grad_()
    sum(loss_class()(x, target) for loss_class in (c[0] for c in CASES)).backward()
    context = torch.multiprocessing.get_context('spawn')
    queue = context.Queue()
    arguments = (2, 29653, target, logits, queue)
    workers = [
        context.Process(target=_gradient_on_rank, args=(rank, *arguments)) for rank in range(2)
    ]
    for worker in workers:
        worker.start()
    results = dict(queue.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    assert results[0] == pytest.approx(x.grad.sum().item(), rel=1e-4)
    assert results[1] == results[0]
