"""The engine of jobs: workers, ranks, resuming, and what one bad item does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mmsteal.jobs import Job, Ranks, Workers, run_job
from tests.conftest import REPO
from tests.jobs.toy import Sorter, job_of, sort_all

NUMBER = 8


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir()
    for index in range(NUMBER):
        (folder / f'{index}.txt').write_text(f'zebra {index} ' * (index + 1))
    return folder


def contents(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob('*'))
        if path.is_file()
    }


def process(data, out, *, launcher='none', seconds=0.0, workers=0, **environment):
    words = [str(word) for word in (data, out, launcher, seconds, workers)]
    return subprocess.Popen(
        [sys.executable, '-m', 'tests.jobs.toy', *words],
        cwd=REPO,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
    )


@pytest.fixture
def whole(data, tmp_path):
    """An uninterrupted run in one process."""
    found = sort_all(data, tmp_path / 'whole')
    assert found == {str(i): (8 * (i + 1), False) for i in range(NUMBER)}
    return contents(tmp_path / 'whole')


@pytest.mark.parametrize('kind', ['process', 'thread'])
@pytest.mark.parametrize('number', [1, 2])
def test_workers_do_what_one_process_does(data, whole, tmp_path, kind, number):
    out = tmp_path / 'out'
    found = sort_all(data, out, workers=Workers(number, kind))
    assert {name for name, (_, kept) in found.items() if not kept} == set(map(str, range(NUMBER)))
    assert contents(out) == whole


def test_ranks_share_the_items(data, whole, tmp_path):
    """Each rank on its own: nothing twice, nothing left out."""
    shares = [
        sort_all(data, tmp_path / 'out', ranks=Ranks(rank, 3), workers=Workers(rank, 'thread'))
        for rank in range(3)
    ]
    assert [sorted(share) for share in shares] == [['0', '3', '6'], ['1', '4', '7'], ['2', '5']]
    assert contents(tmp_path / 'out') == whole


def test_two_ranks_at_once(data, whole, tmp_path):
    out = tmp_path / 'out'
    address = {'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '29641'}
    ranks = [process(data, out, launcher='pytorch', RANK=str(r), **address) for r in range(2)]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    expected = repr([(str(i), (8 * (i + 1), False)) for i in range(NUMBER)])
    assert (out / 'summary.txt').read_text() == expected
    (out / 'summary.txt').unlink()
    assert contents(out) == whole


@pytest.mark.parametrize('workers', [0, 2])
def test_killed_run_resumes(data, whole, tmp_path, workers):
    out = tmp_path / 'out'
    run = process(data, out, seconds=0.2, workers=workers)
    while run.poll() is None and len(list(out.glob('records/[0-9]*'))) < 2:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    time.sleep(0.5)  # workers leave with their parent
    number = len(list(out.glob('records/[0-9]*')))
    assert 2 <= number < NUMBER
    assert not (out / 'summary.txt').exists()
    found = sort_all(data, out)
    assert sum(kept for _, kept in found.values()) == number
    assert {name: result for name, (result, _) in found.items()} == {
        str(i): 8 * (i + 1) for i in range(NUMBER)
    }
    assert contents(out) == whole


def test_what_changed_is_done_again(data, tmp_path):
    out = tmp_path / 'out'
    sort_all(data, out)
    before = contents(out)
    (data / '1.txt').write_text('other')
    os.utime(data / '2.txt', ns=(1, 1))
    (out / 'results/3.txt').unlink()
    (out / 'records/4.json').write_text('{"name": "4", "fing')
    (out / 'records/5.json').unlink()
    found = sort_all(data, out)
    assert [name for name, (_, kept) in sorted(found.items()) if kept] == ['0', '6', '7']
    after = contents(out)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {'results/1.txt', 'records/1.json', 'records/2.json'}
    # other settings: all of them
    found = sort_all(data, out, reverse=True)
    assert not any(kept for _, kept in found.values())
    assert all(kept for _, kept in sort_all(data, out, reverse=True).values())


@pytest.mark.parametrize('workers', [Workers(), Workers(2), Workers(2, 'thread')])
def test_one_bad_item_does_not_stop_the_rest(data, tmp_path, workers):
    (data / '2.txt').write_text('bad')
    (data / '3.txt').write_text('odd')
    (data / '5.txt').write_text('unreadable')
    found = sort_all(data, tmp_path / 'out', workers=workers)
    wrong = {name: what for name, (what, _) in found.items() if isinstance(what, str)}
    assert wrong == {'2': '2.txt is bad', '3': "KeyError: 'odd'", '5': 'cannot read 5.txt'}
    assert len(found) == NUMBER
    # what was fixed is all that is done
    for name in ('2', '3', '5'):
        (data / f'{name}.txt').write_text('good')
    found = sort_all(data, tmp_path / 'out', workers=workers)
    assert [name for name, (_, kept) in sorted(found.items()) if not kept] == ['2', '3', '5']


@pytest.mark.parametrize('workers', [Workers(), Workers(2), Workers(2, 'thread')])
def test_fatal_errors_stop_the_run(data, tmp_path, workers):
    (data / '2.txt').write_text('bad')
    job = job_of(Sorter(tmp_path / 'out'), fatal=(ValueError,))
    with pytest.raises(ValueError, match=r'2\.txt is bad'):
        list(run_job(job, sorted(data.iterdir()), workers=workers, progress=False))


def test_a_disk_that_refuses_stops_the_run(data, tmp_path):
    (tmp_path / 'out').write_text('a file in the way')
    with pytest.raises(OSError, match=r'Cannot write to .*out'):
        sort_all(data, tmp_path / 'out', workers=Workers(1))


def die(item):
    os._exit(1)


def test_a_killed_worker_is_told_with_its_items():
    with pytest.raises(OSError, match=r'did one of .*; where memory ran out, take fewer --workers'):
        list(run_job(Job(work=die), ['a', 'b'], workers=Workers(1), progress=False))


def test_items_are_checked_before_the_first_is_done():
    done = []

    def check(item):
        if item == 3:
            raise ValueError('3 will not do')

    job = Job(work=done.append, check=check, kept=lambda item: 'there' if item == 0 else None)
    outcomes = run_job(job, range(5), workers=Workers(2, 'thread'), progress=False)
    assert next(outcomes).item == 0
    with pytest.raises(ValueError, match='3 will not do'):
        next(outcomes)
    assert done == []


@pytest.mark.parametrize('workers', [Workers(), Workers(2, 'thread')])
def test_tasks_are_made_when_there_is_room(workers):
    """However many items there are, few tasks exist at a time, and outcomes come at once."""
    made, taken = [], 0
    job = Job(work=len, task=lambda item: made.append(item) or [0] * item, fatal=(Exception,))
    for outcome in run_job(job, range(50), workers=workers, progress=False):
        taken += 1
        assert outcome.result == outcome.item
        assert len(made) - taken <= 2 * workers.number
    assert taken == 50


@pytest.mark.parametrize('options', [dict(number=-1), dict(kind='coroutine')])
def test_workers_exception(options):
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        Workers(**options)
