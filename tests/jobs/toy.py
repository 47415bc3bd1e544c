"""A small job: sort the characters of text files. Also run as a process of its own, by tests."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmsteal.files import write_file
from mmsteal.jobs import (
    Job,
    Origin,
    Records,
    Workers,
    fingerprint,
    finish_distributed,
    join_ranks,
    run_job,
    writing_to,
)


class Text(NamedTuple):
    """What the work needs of a file: its content travels with it."""

    path: Path
    content: str


@dataclass(frozen=True)
class Sorter:
    """The work: `OUT/results/NAME.txt`, then `OUT/records/NAME.json`."""

    out: Path
    reverse: bool = False
    seconds: float = 0.0

    @property
    def records(self):
        return Records(self.out / 'records', results=self.out)

    def origin(self, path):
        return Origin.of(fingerprint({'reverse': self.reverse}), [path])

    def kept(self, path):
        record = self.records.read_current(path.stem, self.origin(path))
        return None if record is None else record['number']

    def __call__(self, text):
        time.sleep(self.seconds)
        origin = self.origin(text.path)
        if 'bad' in text.content:
            raise ValueError(f'{text.path.name} is bad')
        if 'odd' in text.content:
            raise KeyError('odd')
        made = ''.join(sorted(text.content, reverse=self.reverse))
        file = self.out / 'results' / f'{text.path.stem}.txt'
        with writing_to(self.out):
            self.records.remove(text.path.stem)
            write_file(file, made)
            self.records.write(text.path.stem, origin, {'number': len(made)}, files=[file])
        return len(made)


def read(path):
    content = path.read_text()
    if content == 'unreadable':
        raise OSError(f'cannot read {path.name}')
    return Text(path, content)


def job_of(sorter, **options):
    return Job(
        work=sorter, kept=sorter.kept, name=lambda path: path.stem, task=read, label='sort',
        **options,
    )  # fmt: skip


def sort_all(data, out, *, workers=None, ranks=None, progress=False, **options):
    """Outcomes by name: what it is, and whether an earlier run had it."""
    paths = sorted(Path(data).glob('*.txt'))
    outcomes = run_job(
        job_of(Sorter(Path(out), **options)),
        paths,
        workers=workers,
        ranks=ranks,
        progress=progress,
    )
    return {o.item.stem: (o.result if o.error is None else o.error, o.kept) for o in outcomes}


def main():
    """Sort the files of a folder: DATA OUT LAUNCHER SECONDS WORKERS."""
    data, out, launcher, seconds, workers = sys.argv[1:]
    ranks = join_ranks(launcher)
    found = sort_all(
        data, out, ranks=ranks, seconds=float(seconds), workers=Workers(int(workers))
    )  # fmt: skip
    told = ranks.gather(found)
    if ranks.rank == 0:
        together = {name: value for part in told for name, value in part.items()}
        (Path(out) / 'summary.txt').write_text(repr(sorted(together.items())))
    ranks.gather(None)
    finish_distributed()


if __name__ == '__main__':
    main()
