"""The runner of the studies, and the tables that it set into the page of results."""

import re
from types import SimpleNamespace

import pytest

from tests.conftest import REPO

PLACES = SimpleNamespace(work_dir='work', camvid='data/camvid', msrc='data/msrc')


def test_needed_studies_come_first_and_once(script):
    study = script('study')
    assert study.with_needed(['coarse_to_fine_demo', 'segmentor_demo', 'alignment_demo_4px']) == [
        'alignment_demo_4px', 'coarse_to_fine_demo', 'segmentor_demo',
    ]  # fmt: skip
    assert set(study.with_needed(list(study.STUDIES))) == set(study.STUDIES)


def test_commands_fit_their_scripts(script, monkeypatch, capsys):
    """Every option of every command exists; places are filled in; `{` is left nowhere."""
    study = script('study')
    for name in study.STUDIES:
        words = study.command_of(name, PLACES)[1:]
        assert not any('{' in word for word in words)
        module = script(re.search(r'(\w+)\.py$', words[0])[1])
        monkeypatch.setattr('sys.argv', words)
        args = module.parse_args()
        if (variants := getattr(args, 'variants', None)) is not None:
            assert set(variants) <= {v.name for v in module.STUDIES[args.study]}


def test_unknown_study(run_script):
    with pytest.raises(SystemExit, match='expected studies among losses_demo'):
        run_script('study', 'thinness')


def test_publish(script, tmp_path, monkeypatch):
    study = script('study')
    for name in ('RESULTS', 'PICTURES'):
        monkeypatch.setattr(study, name, tmp_path / name)
        (tmp_path / name).mkdir()
    monkeypatch.setattr(study, 'PAGE', tmp_path / 'results.md')
    study.PAGE.write_text('a\n<!-- table losses_camvid -->\nold\n<!-- end -->\nb\n')
    out = tmp_path / 'work' / 'losses_camvid'
    out.mkdir(parents=True)
    (out / 'results.csv').write_text('x\n1\n')
    (out / 'results.md').write_text('| x |\n|---|\n| 1 |\n')
    (out / 'curves.png').write_bytes(b'png')
    study.publish(['losses_camvid'], tmp_path / 'work')
    new = 'a\n<!-- table losses_camvid -->\n\n| x |\n|---|\n| 1 |\n\n<!-- end -->\nb\n'
    assert study.PAGE.read_text() == new
    assert study.set_tables(new, study.RESULTS) == new
    assert (study.RESULTS / 'losses_camvid.csv').read_text() == 'x\n1\n'
    assert (study.PICTURES / 'losses_camvid_curves.png').read_bytes() == b'png'


def test_page_has_the_tables_of_the_results(script):
    study = script('study')
    page = study.PAGE.read_text(encoding='utf-8')
    tables = re.findall(r'<!-- table (\w+) -->', page)
    assert set(tables) <= set(study.STUDIES)
    assert len(tables) >= 6
    assert study.set_tables(page, REPO / 'benchmarks' / 'results') == page
