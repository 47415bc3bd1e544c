"""Give exact labels the boundary error of coarse ones: the same as `mmsteal simulate`."""

from mmsteal.cli.simulate_coarse_labels import main

if __name__ == '__main__':
    main()
