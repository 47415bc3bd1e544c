"""What the experiments share: kept settings, spreads, types of options, lengths of trainings."""

import argparse

import pytest
from mmengine.config import Config

from mmsteal.apis import load_run_config
from tests.conftest import REPO


def test_settings_are_compared_as_json(script, tmp_path):
    """Tuples come back as lists; every setting that differs is named, with both values."""
    keep = script('kept_results').keep_settings
    path = tmp_path / 'run' / 'settings.json'
    keep(path, dict(align=dict(checkpoints=(0, 4, 8)), begin=400, scale=1.0))
    keep(path, dict(align=dict(checkpoints=(0, 4, 8)), begin=400, scale=1.0))
    with pytest.raises(SystemExit, match='other settings') as info:
        keep(path, dict(align=dict(checkpoints=(0, 4)), begin=400, seed=1))
    assert str(info.value).splitlines()[1:] == [
        "align: {'checkpoints': [0, 4, 8]} -> {'checkpoints': [0, 4]}",
        'scale: 1.0 -> None',
        'seed: None -> 1',
    ]


def test_mean_and_spread(script):
    spread = script('tables').mean_and_spread
    assert spread([1.0, 3.0], 2) == '2.00 ± 1.41'
    assert spread([1.26], 1) == '1.3'
    assert spread([1.0, float('nan'), 2.0], 1) == 'nan'
    assert spread([float('nan')], 1) == 'nan'


def test_types_of_options(script):
    module = script('command_line')
    assert (module.positive_int('3'), module.seed_number('0')) == (3, 0)
    for kind, text in ((module.positive_int, '0'), (module.positive_int, '-3'),
                       (module.positive_int, '1.5'), (module.seed_number, '-1')):  # fmt: skip
        with pytest.raises(argparse.ArgumentTypeError, match='expected an integer of at least'):
            kind(text)


def test_missing_inputs_are_named(script, tmp_path):
    require = script('command_line').require_inputs
    require(tmp_path, None)
    with pytest.raises(SystemExit, match=r'did not find: .*a\.pth, .*b\.$'):
        require(tmp_path, tmp_path / 'a.pth', str(tmp_path / 'b'))


@pytest.mark.parametrize(('max_iters', 'length'), [(None, 800), (40, 40)])
def test_length_of_a_training(script, tmp_path, max_iters, length):
    cfg = load_run_config(str(REPO / 'configs' / 'steal_demo.py'))
    cfg = script('short_training').short_training(cfg, tmp_path, seed=0, max_iters=max_iters)
    assert isinstance(cfg, Config)
    assert cfg.train_cfg.max_iters == length
    assert max(s.end for s in cfg.param_scheduler) == length


# Each script with words that it needs besides.
SCRIPTS = {
    'losses': [],
    'active_alignment': [],
    'coarse_to_fine': ['{config}', '{config}', '--out', '{out}'],
    'segmentor_on_refined': ['{config}'],
}


@pytest.mark.parametrize('name', SCRIPTS)
def test_wrong_inputs_leave_nothing_behind(run_script, tmp_path, name):
    """A corrected command is not refused for the settings of the wrong one."""
    places = dict(config=REPO / 'configs' / 'steal_demo.py', out=tmp_path / 'out')
    words = [word.format(**places) for word in SCRIPTS[name]]
    if '--out' not in words:
        words += ['--work-dir', tmp_path / 'out']
    with pytest.raises(SystemExit, match=r'did not find: .*nowhere'):
        run_script(name, *words, '--data-root', tmp_path / 'nowhere')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('losses', ['--max-iters', '-3']),
        ('losses', ['--seeds', '-1']),
        ('edge_width', ['--steps', '0']),
        ('active_alignment', ['--interval', '0']),
    ],
)
def test_numbers_out_of_range(run_script, capsys, name, words):
    with pytest.raises(SystemExit):
        run_script(name, *words)
    assert 'expected an integer of at least' in capsys.readouterr().err


def test_results_are_written_whole_or_not_at_all(script, tmp_path):
    write = script('tables').write_results
    write(tmp_path / 'out', [dict(a=1, b='x, y'), dict(a=2, b='z')], ['| a |', '|---|'])
    assert (tmp_path / 'out/results.csv').read_bytes() == b'a,b\r\n1,"x, y"\r\n2,z\r\n'
    assert (tmp_path / 'out/results.md').read_text() == '| a |\n|---|\n'
    with pytest.raises(ValueError, match='not in fieldnames'):
        write(tmp_path / 'out', [dict(a=3, c=1)], ['new'], ['a'])
    assert b'3' not in (tmp_path / 'out/results.csv').read_bytes()
    assert (tmp_path / 'out/results.md').read_text() == '| a |\n|---|\n'
