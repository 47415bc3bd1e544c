"""Compare two sets of labels: the same as `mmsteal compare`."""

from mmsteal.cli.compare import main

if __name__ == '__main__':
    main()
