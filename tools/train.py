"""Train a model: the same as `mmsteal train`."""

from mmsteal.cli.train import main

if __name__ == '__main__':
    main()
