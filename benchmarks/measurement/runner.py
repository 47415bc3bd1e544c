"""The command line of a benchmark."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from measurement.machine import hardware, hardware_text, use_one_thread
from measurement.record import Record
from measurement.rows import Case, Row, table


def make_parser(description: str, devices: tuple[str, ...] = ('cpu',)) -> argparse.ArgumentParser:
    """The options that all benchmarks have.

    Args:
        description (str): The docstring of the script.
        devices (tuple[str, ...]): Where it can run; the first is the default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--device', choices=devices, default=devices[0])
    parser.add_argument(
        '--quick', action='store_true', help='small sizes: shows that it runs, not how fast it is'
    )
    parser.add_argument('--rows', type=Path, help='JSON file of rows; finished cases are skipped')
    return parser


def run(
    cases: Callable[[argparse.Namespace], Mapping[str, Case]],
    parser: argparse.ArgumentParser,
    argv: list[str] | None = None,
    **quick: Any,
) -> argparse.Namespace:
    """Run the cases of a benchmark one after the other, and print their table.

    Args:
        cases (Callable): Makes the cases, by name, from the options.
        parser (ArgumentParser): Of `make_parser`, with the options of the benchmark.
        argv (list[str] | None): The command line; None takes that of the process.
        **quick: Defaults of options with `--quick`.

    Returns:
        Namespace: The options.

    Raises:
        SystemExit: If a case failed; the others have run.
    """
    if parser.parse_known_args(argv)[0].quick:
        parser.set_defaults(**quick)
    args = parser.parse_args(argv)
    use_one_thread()
    if args.device == 'cuda':
        import torch

        if not torch.cuda.is_available():
            raise SystemExit('No CUDA device; use --device cpu.')
    options = {key: str(value) for key, value in vars(args).items() if key != 'rows'}
    record = Record(args.rows, dict(hardware=hardware(), options=options))
    for name, case in cases(args).items():
        if record.is_finished(name):
            continue
        print(f'{name} ...', file=sys.stderr, flush=True)
        try:
            rows = list(case())
        except Exception as error:
            traceback.print_exc()
            rows = [Row(name, error=f'{type(error).__name__}: {error}'.splitlines()[0])]
        if args.quick:  # targets are for the full sizes
            rows = [replace(row, targets=[]) for row in rows]
        record.add(name, rows)
    print(f'{hardware_text(args.device)}\n\n{table(record.rows)}')
    if any(row.error for row in record.rows):
        raise SystemExit(1)
    return args
