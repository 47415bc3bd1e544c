"""Refine for Label Studio while people label: the same as `mmsteal label-studio`."""

from mmsteal.cli.label_studio_backend import main

if __name__ == '__main__':
    main()
