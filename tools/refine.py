"""Repair the labels of a data set: the same as `mmsteal refine`."""

from mmsteal.cli.refine import main

if __name__ == '__main__':
    main()
