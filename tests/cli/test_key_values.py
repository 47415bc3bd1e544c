"""KEY=VALUE as mmengine reads it."""

from argparse import ArgumentParser

import pytest
from mmengine.config import DictAction

from mmsteal.cli.key_values import KeyValues, parse_value

VALUES = (
    '1', '-2', '0.5', '1e-3', 'inf', 'true', 'False', 'None', 'none', 'train_extra', 'a/b.png',
    'a,b', '1,2.5,c', '[1,2]', '(1,2)', '[(1,2),[a,b],c]', '((1,2),(3,4))', '[]', '()', "'gtFine'",
    '"1"', '[1]', '1,', 'a=b', '',
)  # fmt: skip


def parse(action, words):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument('--options', nargs='+', action=action, default={})
    return parser.parse_args(words).options


@pytest.mark.parametrize('value', VALUES)
def test_values_are_those_of_mmengine(value):
    words = ['--options', f'key={value}', 'other=1', '--options', f'third={value}']
    ours, theirs = parse(KeyValues, words), parse(DictAction, words)
    assert ours == theirs
    assert repr(ours) == repr(theirs)  # 1, 1.0 and True are equal


def test_blanks_in_texts_stay():
    assert parse_value('/home/my data') == '/home/my data'
    assert parse_value('[ my data , 2 ]') == ['my data', 2]


def test_defaults_are_not_shared():
    parser = ArgumentParser()
    parser.add_argument('--options', nargs='+', action=KeyValues, default={})
    assert parser.parse_args(['--options', 'a=1']).options == {'a': 1}
    assert parser.parse_args([]).options == {}


@pytest.mark.parametrize(
    ('word', 'message'),
    [('nothing', "expected KEY=VALUE, but got 'nothing'"), ('key=[(1,2]', 'partner'),
     ('key=1,(2', 'partner'), ('key=2),(1', 'partner')],
)  # fmt: skip
def test_bad_input_ends_with_the_usage(capsys, word, message):
    parser = ArgumentParser()
    parser.add_argument('--options', nargs='+', action=KeyValues)
    with pytest.raises(SystemExit):
        parser.parse_args(['--options', word])
    assert message in capsys.readouterr().err
