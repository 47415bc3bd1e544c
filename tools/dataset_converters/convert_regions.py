"""Make region maps to train on: the same as `mmsteal convert-regions`."""

from mmsteal.cli.convert_regions import main

if __name__ == '__main__':
    main()
