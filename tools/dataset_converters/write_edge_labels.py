"""Write the true boundaries of a data set: the same as `mmsteal convert-edge-labels`."""

from mmsteal.cli.write_edge_labels import main

if __name__ == '__main__':
    main()
