from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger
from torch import nn

from mmsteal.engine import LossScheduleHook
from mmsteal.models import BalancedBCELoss

SCHEDULE = [
    dict(begin=20, loss='BalancedBCELoss', beta=0.0),
    dict(begin=5, loss='BalancedBCELoss', beta=0.5, loss_weight=2.0),
]


def make_runner(iteration=0):
    model = nn.ModuleDict(dict(a=BalancedBCELoss(), b=nn.ModuleList([BalancedBCELoss()])))
    return SimpleNamespace(
        model=model, iter=iteration, logger=MMLogger.get_instance('test_loss_schedule')
    )


def betas(runner):
    return {m.beta for m in runner.model.modules() if isinstance(m, BalancedBCELoss)}


def test_values_change_at_their_iteration():
    runner = make_runner()
    hook = LossScheduleHook(SCHEDULE)
    hook.before_train(runner)
    seen = []
    for runner.iter in range(25):
        hook.before_train_iter(runner, runner.iter)
        seen.append(betas(runner))
    assert seen == [{'batch'}] * 5 + [{0.5}] * 15 + [{0.0}] * 5
    assert runner.model['a'].loss_weight == 2.0


@pytest.mark.parametrize(('iteration', 'beta'), [(0, 'batch'), (5, 0.5), (22, 0.0)])
def test_resumed_run_catches_up(iteration, beta):
    runner = make_runner(iteration)
    LossScheduleHook(SCHEDULE).before_train(runner)
    assert betas(runner) == {beta}


@pytest.mark.parametrize(
    'entry', [dict(begin=1, loss='BalancedBCELoss'), dict(loss='BalancedBCELoss', beta=0)]
)
def test_exception_incomplete_entry(entry):
    with pytest.raises(ValueError, match='schedule'):
        LossScheduleHook([entry])


def test_exception_wrong_value_at_the_start():
    hook = LossScheduleHook([dict(begin=9, loss='BalancedBCELoss', beta='half')])
    with pytest.raises(ValueError, match='beta'):
        hook.before_train(make_runner())


@pytest.mark.parametrize(
    'entry',
    [dict(begin=1, loss='DiceLoss', beta=0), dict(begin=1, loss='BalancedBCELoss', gamma=0)],
)
def test_exception_at_the_start_not_at_the_iteration(entry):
    with pytest.raises(ValueError, match='loss_decode'):
        LossScheduleHook([entry]).before_train(make_runner())
