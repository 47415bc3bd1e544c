"""What the benchmarks share: rows and their targets, clocks, memory, records and the table.

A benchmark is a script with named cases. Each case yields rows, and every row compares one time
with that of a reference. :func:`run` gives a script its command line; `run_all.py` runs them all.
"""

from measurement.clocks import Stopwatch, median_ms, median_ms_in_turn
from measurement.machine import PACKAGES, REPO, commit, hardware, hardware_text, use_one_thread
from measurement.memory import (
    one_thread_environment,
    peak_mib,
    process_peak_mib,
    process_seconds,
    script_cost,
)
from measurement.record import Record, row_of
from measurement.rows import Case, Row, Target, mib_text, table, time_text
from measurement.runner import make_parser, run

__all__ = [
    'PACKAGES',
    'REPO',
    'Case',
    'Record',
    'Row',
    'Stopwatch',
    'Target',
    'commit',
    'hardware',
    'hardware_text',
    'make_parser',
    'median_ms',
    'median_ms_in_turn',
    'mib_text',
    'one_thread_environment',
    'peak_mib',
    'process_peak_mib',
    'process_seconds',
    'row_of',
    'run',
    'script_cost',
    'table',
    'time_text',
    'use_one_thread',
]
