"""Color coding of multi-label edges."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def colorize_edges(
    edge_map: np.ndarray,
    palette: np.ndarray,
    background: np.ndarray | None = None,
    *,
    floor: float = 0.0,
) -> np.ndarray:
    """Paint K edge maps in one picture, as the figures of CASENet and SEAL do.

    Every class has a color. A pixel of several classes gets their mean, weighted by strength;
    how much of it covers the background is the strongest response.

    Args:
        edge_map (np.ndarray): (K, H, W) float in [0, 1], or bool.
        palette (np.ndarray): (K, 3) RGB, 0..255.
        background (np.ndarray | None): (H, W, 3) uint8 RGB to paint on; None is white.
        floor (float): Strength up to which nothing is drawn; what lies above is stretched to 1.
            For predictions see :func:`relative_strength`.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If the shapes do not fit, or the floor is outside [0, 1).

    Example:
        >>> edges = np.zeros((2, 1, 2)); edges[0, 0, 0] = 1
        >>> colorize_edges(edges, [[255, 0, 0], [0, 0, 255]]).tolist()
        [[[255, 0, 0], [255, 255, 255]]]
    """
    edges = np.asarray(edge_map, np.float32)
    colors = np.asarray(palette, np.float32)
    if edges.ndim != 3 or colors.shape != (edges.shape[0], 3):
        raise ValueError(
            'Expected arguments `edge_map` (K, H, W) and `palette` (K, 3), but got shapes '
            f'{edges.shape} and {colors.shape}.'
        )
    if not 0 <= floor < 1:
        raise ValueError(f'Expected argument `floor` to be in [0, 1), but got {floor}.')
    edges = np.clip((edges - floor) / (1 - floor), 0, 1)
    if background is None:
        base = np.full((*edges.shape[1:], 3), 255, np.float32)
    elif background.shape[:2] == edges.shape[1:]:
        base = background.astype(np.float32)
    else:
        raise ValueError(
            f'Expected argument `background` to have the size {edges.shape[1:]} of the edges, but '
            f'got {background.shape[:2]}.'
        )
    total = edges.sum(axis=0)
    mixed = np.tensordot(edges, colors, axes=(0, 0)) / np.maximum(total, 1e-6)[..., None]
    cover = edges.max(axis=0)[..., None]
    return np.rint(base * (1 - cover) + mixed * cover).astype(np.uint8)


def relative_strength(edge_prob: np.ndarray) -> np.ndarray:
    """Responses between those of the ground and the strong ones of the picture, to be drawn.

    Networks differ in how high they answer. One with a balanced cross entropy says 0.5 where it
    cannot tell; one whose cross entropy is not balanced to the end, as in the recipe for SBD, says
    0.1 to 0.6 on edges that it is sure of. What counts is how responses compare: the median over
    the pixels of the strongest class becomes 0, the 99.5 % quantile 1, but at least half of the
    maximum.

    Args:
        edge_prob (np.ndarray): (K, H, W) float in [0, 1].

    Returns:
        np.ndarray: (K, H, W) float32 in [0, 1]. What does not stand out by 0.1 is taken for noise
        and stays faint.

    Example:
        >>> prob = np.full((1, 2, 50), 0.01)
        >>> prob[0, 0, :9], prob[0, 0, 9] = 0.21, 0.11
        >>> relative_strength(prob)[0, 0, 8:11].round(2).tolist()
        [1.0, 0.5, 0.0]
    """
    prob = np.asarray(edge_prob, np.float32)
    if not prob.size:
        return prob
    strongest = prob.max(axis=0)
    ground, strong = np.quantile(strongest, (0.5, 0.995))
    span = np.float32(max(strong - ground, strongest.max() / 2 - ground, 0.1))
    return np.clip((prob - np.float32(ground)) / span, 0, 1)


def distinct_palette(num_classes: int) -> np.ndarray:
    """Colors that are far apart for the eye, those of neighbors in the list most of all.

    One after the other, each is the color of a grid that is farthest from white, black and all
    before it in CIELAB, the last one counting half its distance (after Glasbey et al., "Colour
    displays for categorical images", Color Research and Application, 2007). Dull, dark and light
    colors are left out, since edges are drawn over photographs and on white. So a longer palette
    begins with the shorter one, and there is nothing random in it.

    Args:
        num_classes (int): Number of classes K.

    Returns:
        np.ndarray: (K, 3) uint8 RGB.

    Example:
        >>> distinct_palette(3).tolist()
        [[0, 0, 255], [0, 221, 0], [255, 34, 170]]
    """
    return np.array(_distinct_colors(num_classes), np.uint8).reshape(-1, 3)


@lru_cache(8)
def _distinct_colors(number: int) -> tuple[tuple[int, ...], ...]:
    from skimage.color import rgb2lab

    levels = np.arange(0, 256, 17)
    colors = np.stack(np.meshgrid(levels, levels, levels, indexing='ij'), -1).reshape(-1, 3)
    lab = rgb2lab(colors / 255)
    lightness, chroma = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2])
    vivid = (lightness >= 30) & (lightness <= 80) & (chroma >= 30)
    colors, lab = colors[vivid], lab[vivid]
    taken = rgb2lab(np.array([(1.0, 1.0, 1.0), (0.0, 0.0, 0.0)]))
    nearest = np.linalg.norm(lab[:, None] - taken, axis=2).min(axis=1)
    last = np.full(len(lab), np.inf)
    chosen = []
    for _ in range(number):
        k = int(np.minimum(nearest, last / 2).argmax())
        chosen.append(tuple(int(level) for level in colors[k]))
        last = np.linalg.norm(lab - lab[k], axis=1)
        nearest = np.minimum(nearest, last)
    return tuple(chosen)
