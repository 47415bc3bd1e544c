"""Convert the authors' released weights: the same as `mmsteal convert-released`."""

from mmsteal.cli.steal2mmsteal import main

if __name__ == '__main__':
    main()
