"""`python -m mmsteal NAME ...` is `mmsteal NAME ...`."""

from mmsteal.cli.dispatch import main

if __name__ == '__main__':
    main()
