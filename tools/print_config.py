"""Print a config with everything that it inherits: python tools/print_config.py CONFIG."""

import argparse

from mmengine.config import Config, DictAction

import mmsteal  # noqa: F401 (for bases of mmsteal)


def main() -> None:
    parser = argparse.ArgumentParser(description='Print a whole config.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--save', help='also write it here (.py, .json or .yml)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='key=value')
    args = parser.parse_args()
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    print(cfg.pretty_text)
    if args.save:
        cfg.dump(args.save)


if __name__ == '__main__':
    main()
