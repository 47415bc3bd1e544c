"""Arguments that the commands which refine share: where the edges come from."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from mmsteal.cli.config_arguments import add_cfg_options


def add_edge_arguments(parser: ArgumentParser, *, category: str) -> None:
    """Add the arguments for edges of a model, or of a folder.

    Args:
        parser (ArgumentParser): The parser.
        category (str): What the command calls a category of the labels.
    """
    group = parser.add_argument_group('edges: of a model, or a folder of edge maps')
    group.add_argument('--config', help='config of the model: its path, or its name')
    group.add_argument('--checkpoint', help='its trained weights')
    group.add_argument('--device', help="'cpu', 'cuda:0', ...; default: a GPU where there is one")
    add_cfg_options(group)
    group.add_argument('--edges', help='class_001/NAME.png ..., as `mmsteal infer` writes them')
    group.add_argument('--edge-classes', nargs='+', metavar='NAME', help='names of the edge maps')
    group.add_argument(
        '--class-map', nargs='+', default=[], metavar=f'{category}=EDGE',
        help="what follows an edge map of another name ('none': none), or a file of such pairs",
    )  # fmt: skip


def check_edge_arguments(parser: ArgumentParser, args: Namespace) -> None:
    """Exit with the usage unless the edges come from one place."""
    if (args.edges is None) == (args.config is None):
        parser.error('give either --config and --checkpoint, or --edges')
    if args.config is not None and args.checkpoint is None:
        parser.error('--config needs --checkpoint')
