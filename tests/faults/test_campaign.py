"""A sample of the campaign; `python -m tests.faults` tries every operation of every run."""

import errno

import pytest

from tests.faults import scenarios
from tests.faults.campaign import Campaign

# Of how many operations one is tried: all in all below a minute.
STRIDES = {
    'refine': 9,
    'refine coco': 8,
    'simulate': 4,
    'evaluate': 3,
    'convert labels': 3,
    'convert bins': 3,
    'train': 8,
    'train by epochs': 11,
    'alignment': 13,
}


@pytest.fixture(scope='module', params=STRIDES)
def campaign(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('campaign')
    found = {scenario.name: scenario for scenario in scenarios.all_scenarios(root / 'data')}
    return Campaign(found[request.param], root / 'work')


def test_killed_at_any_operation_and_run_again(campaign):
    totals = campaign.kills(stride=STRIDES[campaign.scenario.name], offset=1)
    assert totals.tries
    assert not totals.wrong


def test_a_disk_that_refuses_from_any_operation_on(campaign):
    name = campaign.scenario.name
    stride = 3 * STRIDES[name]  # refusals end in one place, where kills end in many
    totals = campaign.refusals(stride=stride, offset=2)
    read_only = campaign.refusals(stride=stride, offset=stride // 2, error=errno.EROFS)
    assert totals.tries
    assert not totals.wrong + read_only.wrong


def test_the_campaign_tells_a_run_that_is_not_safe(tmp_path):
    """A run that writes its file in place, and takes any file for a whole one."""

    def careless(folder):
        folder.mkdir(exist_ok=True)
        if not (folder / 'a').exists():
            (folder / 'a').write_bytes(b'12345678')

    def result(folder):
        return (folder / 'a').read_bytes()

    campaign = Campaign(scenarios.Scenario('careless', careless, result), tmp_path)
    assert campaign.operations == ['mkdir .', 'open a', 'opened a', 'write a']
    totals = campaign.kills()
    assert totals.tries == 4
    assert [text.partition(':')[0] for text in totals.wrong] == [
        'careless killed at 2, opened a', 'careless killed at 3, write a'
    ]  # fmt: skip
    wrong = campaign.refusals().wrong
    assert sum('OSError' in text for text in wrong) == 4
