"""Edges of one image or a folder: python tools/infer_edges.py CONFIG CHECKPOINT IMAGE OUT."""

import argparse

from mmengine.config import DictAction

from mmsteal.apis import EdgeInferencer


def main() -> None:
    parser = argparse.ArgumentParser(description='Predict semantic edges.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path of the trained weights')
    parser.add_argument('image', help='an image, or a folder of images')
    parser.add_argument('out', help='folder for class_001/NAME.png ... and overlay/NAME.png')
    parser.add_argument('--device', help="'cpu', 'cuda:0', ...; default: a GPU where there is one")
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='key=value')
    args = parser.parse_args()
    inferencer = EdgeInferencer(
        args.config, args.checkpoint, args.device, cfg_options=args.cfg_options
    )
    inferencer(args.image, out_dir=args.out)
    print(f'classes: {", ".join(inferencer.classes)}\nwritten to {args.out}')


if __name__ == '__main__':
    main()
