"""Print a config with everything that it inherits: the same as `mmsteal print-config`."""

from mmsteal.cli.print_config import main

if __name__ == '__main__':
    main()
