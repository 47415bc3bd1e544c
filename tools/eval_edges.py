"""Score predictions on disk: the same as `mmsteal eval`."""

from mmsteal.cli.eval_edges import main

if __name__ == '__main__':
    main()
