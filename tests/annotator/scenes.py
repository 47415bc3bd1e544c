"""A session with a bright square on dark ground, and a rough mask inside of it."""

import numpy as np

from mmsteal.annotator import Picture, Session
from mmsteal.annotator.edge_maps import edges_from_gradient

SQUARE = (slice(20, 60), slice(30, 80))


def square_session(**options):
    pixels = np.full((80, 100, 3), 40, np.uint8)
    pixels[SQUARE] = (200, 160, 90)
    session = Session(classes=('car', 'person')).open(Picture('square', 'square.png', pixels))
    return session.add_drawing(block(26, 54, 36, 74), 'car', **options)


def with_edges(session):
    return session.with_edges(edges_from_gradient(session.image.pixels))


def block(top, bottom, left, right, shape=(80, 100)):
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def iou(first, second):
    return (first & second).sum() / (first | second).sum()
