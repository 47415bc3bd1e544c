"""Draw what the network sees of a data set: the same as `mmsteal browse`."""

from mmsteal.cli.browse_dataset import main

if __name__ == '__main__':
    main()
