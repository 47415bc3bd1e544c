"""Convert uint32 edge labels to PNGs, or back: the same as `mmsteal convert-edge-bins`."""

from mmsteal.cli.convert_edge_bins import main

if __name__ == '__main__':
    main()
