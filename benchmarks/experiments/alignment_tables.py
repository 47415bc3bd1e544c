"""Tables of the alignment study."""

from __future__ import annotations

from pathlib import Path

from tables import mean_and_spread, write_results

FIELDS = ('error', 'noise_px', 'method', 'seed', 'MF', 'AP', 'px', 'IoU', 'lost',
          'px_given', 'IoU_given')  # fmt: skip


def write_tables(folder: Path, rows: list[dict]) -> None:
    """results.csv with every run, results.md with mean and spread over the seeds.

    Runs of one seed share their first half, so gains are taken seed by seed.
    """
    lines = [
        '| error | at most, px | alignment | MF (ODS) | AP | gain: MF | gain: AP | '
        'labels: distance, px | IoU |',
        f'|{"---|" * 9}',
    ]
    unaligned = {(r['error'], r['noise_px'], r['seed']): r for r in rows if r['method'] == 'none'}
    for key in dict.fromkeys((r['error'], r['noise_px'], r['method']) for r in rows):
        same = [r for r in rows if (r['error'], r['noise_px'], r['method']) == key]
        score, label = (
            [mean_and_spread([r[name] for r in same], digits) for name, digits in columns]
            for columns in ((('MF', 1), ('AP', 1)), (('px', 2), ('IoU', 3)))
        )
        pairs = [(r, unaligned.get((*key[:2], r['seed']))) for r in same]
        gain = ['', '']
        if key[2] != 'none' and all(base for _, base in pairs):
            gain = [mean_and_spread([r[name] - base[name] for r, base in pairs], 1)
                    for name in ('MF', 'AP')]  # fmt: skip
        cells = [key[0], f'{key[1]:g}', key[2], *score, *gain, *label]
        lines.append(f'| {" | ".join(cells)} |')
    given = dict.fromkeys(
        f'Given labels, {r["error"]} errors of at most {r["noise_px"]:g} px: '
        f'{r["px_given"]:.2f} px, IoU {r["IoU_given"]:.3f}'
        for r in rows
    )
    lines += ['', *given]
    write_results(folder, rows, lines, FIELDS)


def write_sweep(folder: Path, rows: list[dict]) -> None:
    """results.csv with every run, results.md with mean and spread over the seeds."""
    kinds = list(dict.fromkeys((row['error'], row['noise_px']) for row in rows))
    header = [f'{error}, {noise_px:g} px: {what}' for error, noise_px in kinds
              for what in ('distance, px', 'IoU')]  # fmt: skip
    lines = [f'| change | {" | ".join(header)} |', f'|{"---|" * (1 + len(header))}']
    for change in dict.fromkeys(row['change'] for row in rows):
        cells = []
        for kind in kinds:
            same = [
                r for r in rows if r['change'] == change and (r['error'], r['noise_px']) == kind
            ]
            cells += [mean_and_spread([r['px'] for r in same], 2),
                      mean_and_spread([r['IoU'] for r in same], 3)]  # fmt: skip
        lines.append(f'| {change} | {" | ".join(cells)} |')
    write_results(folder, rows, lines)
