"""Arguments that the commands which refine share: where edges come from, and how to refine."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmsteal.cli.config_arguments import add_cfg_options, add_trust_checkpoint
from mmsteal.cli.key_values import KeyValues

if TYPE_CHECKING:
    from argparse import _ActionsContainer, _ArgumentGroup

    from mmsteal.functional.refinement.refine_engines import EngineOptions


def add_edge_arguments(parser: ArgumentParser, *, category: str) -> None:
    """Add the arguments for edges of a model, or of a folder.

    Args:
        parser (ArgumentParser): The parser.
        category (str): What the command calls a category of the labels.
    """
    group = parser.add_argument_group(
        'edges: of a model, or a folder of edge maps; without either the color gradient'
    )
    add_model_arguments(group)
    group.add_argument('--edges', help='class_001/NAME.png ..., as `mmsteal infer` writes them')
    group.add_argument('--edge-classes', nargs='+', metavar='NAME', help='names of the edge maps')
    group.add_argument(
        '--class-map', nargs='+', default=[], metavar=f'{category}=EDGE',
        help="what follows an edge map of another name ('none': none), or a file of such pairs",
    )  # fmt: skip


def add_model_arguments(parser: _ActionsContainer, *, default: str | None = None) -> None:
    """Add the arguments that name a model.

    Args:
        parser (ArgumentParser): The parser, or a group of it.
        default (str | None): Model of the package to take where none is named.
    """
    said = f' (default: {default})' if default else ''
    parser.add_argument(
        '--config', default=default,
        help=f'config of the model: its path, or its name; edges: the model in the package{said}',
    )  # fmt: skip
    parser.add_argument('--checkpoint', help='its trained weights')
    parser.add_argument('--device', help="'cpu', 'cuda:0', ...; default: a GPU where there is one")
    add_trust_checkpoint(parser)
    add_cfg_options(parser)


def check_model_arguments(parser: ArgumentParser, args: Namespace) -> None:
    """Exit with the usage unless config and weights go together."""
    from mmsteal.weights import PACKAGED_MODELS

    if args.config is None and args.checkpoint is not None:
        parser.error('--checkpoint needs --config')
    if args.checkpoint is not None and args.config in PACKAGED_MODELS:
        parser.error(f'--config {args.config} brings its weights; name the config of yours')
    if args.config not in (None, *PACKAGED_MODELS) and args.checkpoint is None:
        parser.error('--config needs --checkpoint')


def add_engine_arguments(parser: ArgumentParser) -> _ArgumentGroup:
    """Add the arguments for how labels are refined; the group that they are in."""
    group = parser.add_argument_group('refinement')
    group.add_argument(
        '--engine', choices=['joint', 'level_set', 'geodesic'], default='joint',
        help='joint: all objects at once, by edges and colors (default); level_set: one by one, '
        'by edges, as in the paper; geodesic: to the nearest label, by edges',
    )  # fmt: skip
    group.add_argument(
        '--options', nargs='+', action=KeyValues, default={}, metavar='KEY=VALUE',
        help='further options of the engine, as smoothness=2; of level sets min_gain=0.2 or '
        'balloon=0',
    )  # fmt: skip
    group.add_argument(
        '--error-px', type=float,
        help='how far outlines may be off, in pixels of the labels; default: estimated for each '
        'image',
    )  # fmt: skip
    group.add_argument(
        '--scale', type=float,
        help='size at which objects are refined, as a fraction of the size of the labels; '
        'default: that of the edge maps where they are smaller',
    )  # fmt: skip
    return group


def engine_of_arguments(args: Namespace) -> EngineOptions:
    """The options of the engine that the arguments ask for."""
    from mmsteal.functional.options import change_options
    from mmsteal.functional.refinement.refine_engines import default_options

    return change_options(default_options(args.engine), args.options)


def parse_edge_arguments(parser: ArgumentParser, argv: Sequence[str] | None) -> Namespace:
    """Arguments of a command; exit with the usage unless the edges come from one place or none."""
    args = parser.parse_args(argv)
    if args.edges is not None and args.config is not None:
        parser.error('give either --config and --checkpoint, or --edges, or neither')
    check_model_arguments(parser, args)
    return args
