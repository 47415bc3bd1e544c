"""Weights of a checkpoint in half precision: the same as `mmsteal publish`."""

from mmsteal.cli.publish import main

if __name__ == '__main__':
    main()
