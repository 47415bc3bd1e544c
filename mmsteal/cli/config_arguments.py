"""Arguments that the commands share which read a config or start several ranks."""

from __future__ import annotations

import argparse
import os

from mmsteal.cli.key_values import KeyValues


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add the config as the next positional argument."""
    parser.add_argument(
        'config', help='path of the config, or its name as mmsteal::steal_casenet_sbd.py'
    )


def add_cfg_options(parser: argparse._ActionsContainer) -> None:
    """Add `--cfg-options`."""
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValues, metavar='KEY=VALUE',
        help='values to set in the config, by dotted keys',
    )  # fmt: skip


class _TrustCheckpoint(argparse.Action):
    """Told to the environment at once: the ranks and processes that are started read it there."""

    def __call__(self, *_: object) -> None:
        os.environ['MMSTEAL_TRUST_CHECKPOINTS'] = '1'


def add_trust_checkpoint(parser: argparse._ActionsContainer) -> None:
    """Add `--trust-checkpoint`; see :mod:`mmsteal.safe_checkpoints`."""
    parser.add_argument(
        '--trust-checkpoint', action=_TrustCheckpoint, nargs=0,
        help='load checkpoints in full, also one that holds more than weights: what is in it is '
        'run',
    )  # fmt: skip


def add_data_root(parser: argparse.ArgumentParser) -> None:
    """Add `--data-root`."""
    parser.add_argument('--data-root', help="folder of the data set, in place of the config's")


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which launcher started this rank; see :func:`set_local_rank`."""
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm'], default='none',
        help='what started this rank: torchrun is pytorch',
    )  # fmt: skip
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def set_local_rank(args: argparse.Namespace) -> None:
    """Tell mmengine the rank on this machine, where the launcher has not."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
