"""All speed targets as one table: times, their references, ratios, and whether they are met.

    python benchmarks/run_all.py [--device cpu] [--only edges matching] [--out work_dirs/speed]

Each benchmark runs in a process of its own, on the CPU and, where there is one, on a GPU. Finished
rows are kept in the out folder: the same command resumes. A benchmark that
fails is reported in its row, and the others go on. The table is printed, and written to the folder
as `speed.md` and `speed.csv`; what a benchmark said is in `DEVICE-NAME.log`. With `--quick`
everything is small and takes about a minute on a CPU: its figures say nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import torch
from measurement import (
    REPO,
    Row,
    hardware,
    hardware_text,
    one_thread_environment,
    row_of,
    table,
)

HERE = Path(__file__).resolve().parent
# Script and devices of each benchmark, in the order of the table.
BENCHMARKS: dict[str, tuple[str, tuple[str, ...]]] = {
    'startup': ('bench_startup.py', ('cpu',)),
    'edges': ('bench_edges.py', ('cpu',)),
    'matching': ('bench_matching.py', ('cpu',)),
    'level_set': ('bench_level_set.py', ('cpu', 'cuda')),
    'assignment': ('bench_assignment.py', ('cpu',)),
    'refine': ('bench_refine.py', ('cpu',)),
    'losses': ('bench_losses.py', ('cpu', 'cuda')),
    'training_step': ('bench_training_step.py', ('cpu', 'cuda')),
    'loader': ('bench_loader.py', ('cpu', 'cuda')),
    'inference': ('bench_inference.py', ('cpu', 'cuda')),
    'dataset_alignment': ('bench_dataset_alignment.py', ('cpu', 'cuda')),
    'annotator': ('bench_annotator.py', ('cpu',)),
}
COLUMNS = (
    'device', 'benchmark', 'what', 'ours_ms', 'reference', 'reference_ms', 'compares', 'ratio',
    'targets', 'met', 'peak_mib', 'note', 'error', 'date', 'commit',
)  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='default: both, where there are')
    parser.add_argument('--only', nargs='+', choices=list(BENCHMARKS), metavar='NAME',
                        help=f'some of: {", ".join(BENCHMARKS)}')  # fmt: skip
    parser.add_argument('--quick', action='store_true', help='small sizes: only shows that it runs')
    parser.add_argument('--out', type=Path, help='default: work_dirs/speed (work_dirs/speed_quick)')
    parser.add_argument('--fresh', action='store_true', help='forget the rows of these benchmarks')
    args = parser.parse_args(argv)
    out = args.out or REPO / 'work_dirs' / ('speed_quick' if args.quick else 'speed')
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise SystemExit('No CUDA device; use --device cpu.')
    here = ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']
    chosen = [
        (device, name)
        for device in ([args.device] if args.device else here)
        for name in args.only or BENCHMARKS
        if device in BENCHMARKS[name][1]
    ]
    if not chosen:
        raise SystemExit(f'Nothing to run: {", ".join(args.only)} has no part for {args.device}.')
    out.mkdir(parents=True, exist_ok=True)
    if args.fresh:
        for device, name in chosen:
            rows_file(out, device, name).unlink(missing_ok=True)
    check_setup(out, args.quick)
    broken: dict[tuple[str, str], Row] = {}
    for device, name in chosen:
        print(f'{device}: {name} ...', file=sys.stderr, flush=True)
        row = run_one(out, device, name, args.quick)
        if row is not None:
            broken[device, name] = row
        found = collect(out, broken)
        write(out, found, args.quick)
    print((out / 'speed.md').read_text())
    failed = [line for line in found if line['row'].error]
    if failed:
        raise SystemExit(f'{len(failed)} of {len(found)} rows failed; see the logs in {out}.')


def rows_file(out: Path, device: str, name: str) -> Path:
    """Where a benchmark keeps its rows."""
    return out / f'{device}-{name}.json'


def check_setup(out: Path, quick: bool) -> None:
    """Refuse to make one table of rows that do not belong together."""
    now = (hardware(), str(quick))
    for path in sorted(out.glob('*-*.json')):
        setup = json.loads(path.read_text())['setup']
        kept = (setup['hardware'], setup['options']['quick'])
        if kept != now:
            raise SystemExit(
                f'Expected the rows in {path} to be of this machine, {now[0]}, with quick={now[1]},'
                f' but they are of {kept[0]}, with quick={kept[1]}; use --fresh or another --out.'
            )


def run_one(out: Path, device: str, name: str, quick: bool) -> Row | None:
    """Run a benchmark; a row that says so if it broke down as a whole."""
    path, log = rows_file(out, device, name), out / f'{device}-{name}.log'
    words = [
        sys.executable,
        str(HERE / BENCHMARKS[name][0]),
        '--device',
        device,
        '--rows',
        str(path),
    ]
    with log.open('w') as stream:
        # A process of its own: one that is killed, or a device left in an error, harms no other.
        status = subprocess.run(
            words + ['--quick'] * quick,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=one_thread_environment(),
            check=False,
        ).returncode
    if status == 0 or (status == 1 and any(row.error for _, row in kept_rows(path))):
        return None
    said = [line for line in log.read_text().splitlines() if line.strip()] or ['nothing was said']
    return Row(name, error=f'ended with status {status}: {said[-1]}')


def kept_rows(path: Path) -> list[tuple[dict, Row]]:
    """Rows of a file with the case that they belong to."""
    if not path.exists():
        return []
    cases = json.loads(path.read_text())['cases'].values()
    return [(case, row_of(values)) for case in cases for values in case['rows']]


def collect(out: Path, broken: dict[tuple[str, str], Row]) -> list[dict]:
    """All lines of the table: what the folder holds, of earlier runs too, and what broke."""
    lines = []
    for device in ('cpu', 'cuda'):
        for name in BENCHMARKS:
            about = dict(device=device, benchmark=name)
            for case, row in kept_rows(rows_file(out, device, name)):
                lines.append(dict(about, date=case['date'], commit=case['commit'], row=row))
            if (device, name) in broken:
                lines.append(dict(about, date='', commit='', row=broken[device, name]))
    return lines


def write(out: Path, lines: list[dict], quick: bool) -> None:
    """Write `speed.md` and `speed.csv`."""
    commits, dates = ({line[key] for line in lines} - {''} for key in ('commit', 'date'))
    text = [f'{hardware_text()}; {", ".join(sorted(dates))}; commit {", ".join(sorted(commits))}']
    if quick:
        text.append('With `--quick`: small sizes, which show that it runs and not how fast it is.')
    for device, title in (('cpu', 'CPU, one thread'), ('cuda', 'GPU')):
        rows = [line['row'] for line in lines if line['device'] == device]
        if rows:
            text.append(f'**{title}**\n\n{table(rows)}')
    (out / 'speed.md').write_text('\n\n'.join(text) + '\n')
    with (out / 'speed.csv').open('w', newline='') as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for line in lines:
            row: Row = line['row']
            values = dict(vars(row), what=row.name, ratio=row.ratio, met=row.met)
            values['targets'] = ', '.join(map(str, row.targets))
            writer.writerow({key: {**values, **line}[key] for key in COLUMNS})


if __name__ == '__main__':
    main()
