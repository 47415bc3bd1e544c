"""Convert the weights of a released STEAL model into a checkpoint for this package.

python tools/model_converters/steal2mmsteal.py checkpoints/sbd/model_checkpoint.pt steal_sbd.pth
"""

import argparse
from pathlib import Path

import mmsteal  # noqa: F401  (registers the models)
from mmsteal.models.released_checkpoint import (
    convert_released_checkpoint,
    read_released_checkpoint,
    released_num_classes,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def main() -> None:
    parser = argparse.ArgumentParser(description='Convert released STEAL weights.')
    parser.add_argument('source', help='released file, such as checkpoints/sbd/model_checkpoint.pt')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument(
        '--config',
        help='config of the model; default: released_steal_cityscapes.py for 19 classes, '
        'released_steal_sbd.py otherwise',
    )
    args = parser.parse_args()
    try:
        config = args.config
        if config is None:
            num_classes = released_num_classes(read_released_checkpoint(args.source))
            name = 'cityscapes' if num_classes == 19 else 'sbd'
            config = str(CONFIGS / f'released_steal_{name}.py')
        convert_released_checkpoint(args.source, args.out, config)
    except (ValueError, OSError) as error:
        raise SystemExit(f'error: {error}') from error
    print(f'written to {args.out}, for {config}')


if __name__ == '__main__':
    main()
