"""Evaluate a checkpoint: the same as `mmsteal test`."""

from mmsteal.cli.test import main

if __name__ == '__main__':
    main()
