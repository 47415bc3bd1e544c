"""Predict the edges of an image or a folder: the same as `mmsteal infer`."""

from mmsteal.cli.infer_edges import main

if __name__ == '__main__':
    main()
