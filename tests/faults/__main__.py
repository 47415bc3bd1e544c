"""The whole campaign: python -m tests.faults [--stride 1] [--random 20] [--only NAME ...].

Every run is killed at each of its file operations, again and again at random ones, and by signals
at random moments; the disk takes nothing more from each operation on; two runs share a folder.
After each try the run is done again, and must end with what an undisturbed run ends with. Then
files of every format are damaged (`files`), and the servers get odd, slow and many clients
(`servers`).
"""

import argparse
import errno
import random
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

from prettytable import PrettyTable

from tests.faults import scenarios
from tests.faults.campaign import Campaign, Totals
from tests.faults.test_fuzzed_files import fuzz_files
from tests.faults.test_servers import attack_servers


def main():
    """Print a table of tries and of what went wrong; exit status 1 if anything did."""
    parser = argparse.ArgumentParser(prog='python -m tests.faults', description=__doc__)
    parser.add_argument('--only', nargs='+', metavar='NAME', help='only these runs')
    parser.add_argument('--stride', type=int, default=1, help='try one operation in so many (1)')
    parser.add_argument('--random', type=int, default=20, help='random tries of each kind (20)')
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30), help='of those')
    parser.add_argument('--shown', type=int, default=5, help='faults to show of a run and kind (5)')
    parser.add_argument(
        '--small-disk', metavar='FOLDER',
        help='folder on a disk to fill, as of: mount -t tmpfs -o size=2m tmpfs FOLDER',
    )  # fmt: skip
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    print(f'seed {args.seed}', flush=True)
    rows, faults = [], 0
    with tempfile.TemporaryDirectory() as root:
        for scenario in scenarios.all_scenarios(Path(root) / 'data'):
            if args.only and scenario.name not in args.only:
                continue
            start = time.monotonic()
            campaign = Campaign(scenario, Path(root) / 'work')
            totals = run_all(campaign, args)
            rows.append([scenario.name, *map(str, totals.values())])
            faults += sum(len(found.wrong) for found in totals.values())
            print(f'{scenario.name}: {len(campaign.operations)} operations, '
                  f'{time.monotonic() - start:.0f} s', flush=True)  # fmt: skip
            for found in totals.values():
                for text in found.wrong[: args.shown]:
                    print(f'    {text[:400]}', flush=True)
    if rows:
        table = PrettyTable(['run', *totals], align='l')
        table.add_rows(rows)
        print(table)
    for name, attack in {
        'files': lambda: fuzz_files(20 * args.random, args.seed),
        'servers': lambda: attack_servers(max(args.random // 5, 1), args.seed),
    }.items():
        if args.only and name not in args.only:
            continue
        tries, wrong = attack()
        faults += len(wrong)
        print(f'{name}: {tries} tries, {len(wrong)} wrong', flush=True)
        for text in wrong[: args.shown]:
            print(f'    {text[:400]}', flush=True)
    return int(faults > 0)


def run_all(campaign, args):
    """All kinds of faults."""

    def refusals():
        found = Totals()
        for error in (errno.ENOSPC, errno.EROFS):
            part = campaign.refusals(stride=args.stride, error=error)
            found.tries += part.tries
            found.wrong += part.wrong
        return found

    whole = campaign.scenario.command
    found = {
        'killed at an operation': campaign.kills(stride=args.stride),
        'killed several times': campaign.many_kills(args.random, args.seed),
        'SIGKILL': campaign.signals(args.random, signal.SIGKILL, args.seed),
        'SIGTERM': campaign.signals(args.random if whole else 0, signal.SIGTERM, args.seed),
        'disk refuses': refusals(),
        'two at once': campaign.side_by_side(max(args.random // 4, 1) if whole else 0),
    }
    if args.small_disk is not None:
        tries = args.random if whole else 0
        found['small disk'] = campaign.small_disk(args.small_disk, tries, args.seed)
    return found


if __name__ == '__main__':
    sys.exit(main())
