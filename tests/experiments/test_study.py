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
    """Every study has its place; every table is the published one, where there is one."""
    study = script('study')
    page = study.PAGE.read_text(encoding='utf-8')
    tables = dict(
        re.findall(r'<!-- table (\w+) -->(.*?)<!-- end -->', page, flags=re.DOTALL)
    )  # fmt: skip
    assert set(tables) == set(study.STUDIES)
    for name, shown in tables.items():
        published = REPO / 'benchmarks' / 'results' / f'{name}.md'
        if published.is_file():
            assert shown.strip() == published.read_text(encoding='utf-8').strip(), name


def test_block_without_a_table_stays(script, tmp_path):
    page = '<!-- table thickness -->\nold\n<!-- end -->\n'
    assert script('study').set_tables(page, tmp_path) == page


def test_missing_data_is_reported_before_anything_runs(run_script, script, tmp_path, monkeypatch):
    monkeypatch.setattr(script('study'), 'run_studies', lambda *_: pytest.fail('ran'))
    with pytest.raises(SystemExit) as info:
        run_script('study', 'thickness', 'coarse_to_fine_camvid', 'hand_labels_msrc',
                   '--camvid', tmp_path / 'no', '--msrc', tmp_path / 'none')  # fmt: skip
    text = str(info.value)
    assert len(text.splitlines()) == 1
    assert f'--camvid {tmp_path}/no (for losses_camvid, coarse_to_fine_camvid)' in text
    assert f'--msrc {tmp_path}/none (for hand_labels_msrc)' in text


def test_a_failing_study_does_not_stop_the_others(run_script, script, tmp_path, monkeypatch, capfd):
    """What needs it is left out; the exit code tells, and the threads are one."""
    study = script('study')
    (tmp_path / 'fails.py').write_text('raise SystemExit(3)')
    (tmp_path / 'runs.py').write_text(
        'import os, pathlib, sys\npathlib.Path(sys.argv[1]).write_text('
        "os.environ['OMP_NUM_THREADS'])"
    )
    monkeypatch.setattr(study, 'SCRIPTS', tmp_path)
    monkeypatch.setattr(study, 'STUDIES', {
        'a': study.Study('?', 'fails.py'),
        'b': study.Study('?', 'runs.py {out}', after=('a',)),
        'c': study.Study('?', 'runs.py {out}'),
    })  # fmt: skip
    published = []
    monkeypatch.setattr(study, 'publish', lambda names, work: published.extend(names))
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    with pytest.raises(SystemExit, match=r'^error: failed: a, b\.$'):
        run_script('study', 'all', '--work-dir', tmp_path, '--publish')
    assert (tmp_path / 'c').read_text() == '1'
    assert not (tmp_path / 'b').exists()
    assert published == ['c']
    out = capfd.readouterr().out
    assert 'a failed with exit code 3.' in out
    assert 'b is left out: it needs a' in out
