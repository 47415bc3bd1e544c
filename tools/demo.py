"""Train and judge STEAL on a generated set: the same as `mmsteal demo`."""

from mmsteal.cli.demo import main

if __name__ == '__main__':
    main()
