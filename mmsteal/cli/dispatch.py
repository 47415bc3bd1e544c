"""`mmsteal NAME ...`: find the command by its name, and import that one only."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from mmsteal.version import __version__


class Command(NamedTuple):
    """One command.

    Attributes:
        module (str): Its module in `mmsteal.cli`; `tools/` has a script of this name.
        summary (str): One line for the list of all commands.
    """

    module: str
    summary: str


COMMANDS = {
    'demo': Command('demo', 'make a small set, train on it, repair labels, write a report'),
    'train': Command('train', 'train a model from a config'),
    'test': Command('test', 'evaluate a checkpoint on the test set of its config'),
    'eval': Command('eval_edges', 'score boundaries that any method wrote to disk: ODS, OIS, AP'),
    'infer': Command('infer_edges', 'predict the edges of an image or a folder'),
    'refine': Command('refine', 'repair the labels of a data set with a model or edge maps'),
    'simulate': Command(
        'simulate_coarse_labels', 'give exact labels the boundary error of coarse ones'
    ),
    'compare': Command('compare', 'compare labels with others of the same images: is it better?'),
    'annotate': Command('annotate', 'open a page to annotate on in the browser'),
    'label-studio': Command('label_studio_backend', 'refine for Label Studio while people label'),
    'browse': Command('browse_dataset', 'draw what the network sees of a data set'),
    'print-config': Command('print_config', 'print a config with everything that it inherits'),
    'convert-edge-bins': Command(
        'convert_edge_bins', 'uint32 edge labels of CASENet and SEAL to PNGs, or back'
    ),
    'convert-edge-labels': Command(
        'write_edge_labels', 'write the true boundaries of a data set, as PNGs or uint32 files'
    ),
    'convert-regions': Command(
        'convert_regions', 'panoptic labels, annotators of BSDS or masks to a set to train on'
    ),
    'convert-backbone': Command(
        'convert_backbone', 'ImageNet weights of EfficientNet-Lite to those of a backbone'
    ),
    'publish': Command('publish', 'weights of a checkpoint in half precision, to hand on'),
    'convert-released': Command('steal2mmsteal', "weights of the authors' models to a checkpoint"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command.

    Args:
        argv (Sequence[str] | None): The name of the command and its arguments; None: those of the
            process.

    Raises:
        SystemExit: If the command ends with a status, or there is none of this name.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(help_text(), file=sys.stderr)
        raise SystemExit(2)
    name, *arguments = words
    if name in ('-h', '--help', 'help'):
        print(help_text())
    elif name in ('-V', '--version'):
        print(f'mmsteal {__version__}')
    elif name in COMMANDS:
        importlib.import_module(f'mmsteal.cli.{COMMANDS[name].module}').main(arguments)
    else:
        print(f'{_unknown(name)}\n\n{_list_of_commands()}', file=sys.stderr)
        raise SystemExit(2)


def help_text() -> str:
    """Usage and all commands, one line each."""
    return (
        'usage: mmsteal COMMAND [arguments]\n\n'
        'Train and judge semantic edge detectors, and repair the labels that they learn from.\n\n'
        f'{_list_of_commands()}\n\n'
        'mmsteal COMMAND --help explains one; --version tells the version.\n'
        'A config is a path, or a name as mmsteal::steal_demo.py. Several GPUs:\n'
        '  torchrun --nproc-per-node 4 -m mmsteal train CONFIG --launcher pytorch'
    )


def _list_of_commands() -> str:
    width = max(map(len, COMMANDS))
    lines = (f'  {name:{width}}  {command.summary}' for name, command in COMMANDS.items())
    return '\n'.join(['commands:', *lines])


def _unknown(name: str) -> str:
    """What to say of a name that is no command; scripts of `tools/` are known by theirs, too."""
    spellings = {name: name for name in COMMANDS}
    spellings |= {command.module: name for name, command in COMMANDS.items()}
    near = difflib.get_close_matches(name.removesuffix('.py'), spellings, n=1)
    hint = f' Did you mean `mmsteal {spellings[near[0]]}`?' if near else ''
    return f'Expected a command of mmsteal, but got {name!r}.{hint}'
