"""Print a config with everything that it inherits: mmsteal print-config CONFIG."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.config_arguments import add_cfg_options, add_config_argument
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal print-config', description='Print a whole config.'
    )
    add_config_argument(parser)
    parser.add_argument('--save', help='also write it here (.py, .json or .yml)')
    add_cfg_options(parser)
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        from mmsteal.apis.run_config import find_config, read_config
        from mmsteal.jobs import check_out_file

        cfg = read_config(args.config, args.cfg_options)
        print(cfg.pretty_text)
        if args.save:
            check_out_file(args.save, {'the config itself': find_config(args.config)})
            cfg.dump(args.save)
