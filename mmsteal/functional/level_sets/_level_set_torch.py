"""Evolution of many masks at once by tensor operations (Eq. 13): the device side.

`evolve_level_set_reference` says in twenty lines what is computed here.

One integer word per pixel carries a bit of each of up to 64 masks, so that one operation on a
(H, W) tensor does the work for all of them. Nothing here depends on the device.

Shape shorthand:
    M: masks (64 at most); H, W: height and width; a frame is (H + 2, W + 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmsteal.functional.level_sets.evolution_options import EvolutionOptions

MAX_MASKS = 64
_WORD_TYPES = ((8, torch.uint8), (16, torch.int16), (32, torch.int32), (64, torch.int64))


def pack_masks(masks: Tensor) -> Tensor:
    """Pack masks (M, H, W) of bool into words (H, W); bit m is mask m."""
    dtype = next(dtype for bits, dtype in _WORD_TYPES if len(masks) <= bits)
    words = torch.zeros(masks.shape[1:], dtype=dtype, device=masks.device)
    for m, mask in enumerate(masks):
        words |= mask.to(dtype) << m
    return words


def unpack_masks(words: Tensor, num_masks: int) -> Tensor:
    """Inverse of `pack_masks`."""
    bits = torch.arange(num_masks, device=words.device, dtype=words.dtype)
    return (words >> bits[:, None, None]) & 1 != 0


def _gradient(values: Tensor, axis: int) -> Tensor:
    """numpy.gradient along one axis of (H, W): one-sided on the border."""
    size = values.shape[axis]
    gradient = torch.empty_like(values)
    if size > 2:
        ahead, behind = values.narrow(axis, 2, size - 2), values.narrow(axis, 0, size - 2)
        gradient.narrow(axis, 1, size - 2).copy_((ahead - behind) / 2)
    for here, last, first in ((0, min(1, size - 1), 0), (size - 1, size - 1, max(size - 2, 0))):
        gradient.select(axis, here).copy_(values.select(axis, last) - values.select(axis, first))
    return gradient


class _Signs:
    """What the evolution needs to know of the speeds, packed into words.

    The attachment looks at the sign of grad g . grad u only, and grad u has three values per axis:
    up to a common sign, that is one of four numbers, for the directions (y, x) = (1, 0), (0, 1),
    (1, 1), (1, -1). `moves` says that it is not zero, `sets` that it is positive. The arithmetic
    repeats numpy.gradient and the sum over the axes in scikit-image, in the same precision.
    """

    def __init__(self, speed: Tensor, like: Tensor, threshold: float) -> None:
        self.moves = [torch.zeros_like(like) for _ in range(4)]
        self.sets = [torch.zeros_like(like) for _ in range(4)]
        self.region = torch.zeros_like(like)
        height, width = like.shape
        scale_y = torch.full((height, 1), 0.5, dtype=torch.float64, device=speed.device)
        scale_x = torch.full((1, width), 0.5, dtype=torch.float64, device=speed.device)
        scale_y[0] = scale_y[-1] = 1
        scale_x[:, 0] = scale_x[:, -1] = 1
        for m, g in enumerate(speed):
            grad_y, grad_x = _gradient(g, 0).double(), _gradient(g, 1).double()
            along_y = (grad_y * scale_y).to(g.dtype)
            along_x = grad_x * scale_x
            dots = (
                along_y + grad_x * 0,
                grad_y * 0 + along_x,
                along_y + along_x,
                along_y - along_x,
            )
            for i, dot in enumerate(dots):
                dot = dot.to(g.dtype)
                positive = dot > 0
                self.sets[i] |= positive.to(like.dtype) << m
                self.moves[i] |= (positive | (dot < 0)).to(like.dtype) << m
            self.region |= (g.double() > threshold).to(like.dtype) << m
        # tables for "b where s, else a" = a ^ (s & (a ^ b))
        for table in (self.moves, self.sets):
            table[0] ^= table[1]
            table[3] ^= table[2]


class _Evolution:
    """State and buffers of one evolution; every operator works in place on the frame."""

    def __init__(self, masks: Tensor, speed: Tensor, options: EvolutionOptions) -> None:
        words = pack_masks(masks)
        self.height, self.width = words.shape
        self.frame = words.new_zeros(self.height + 2, self.width + 2)
        self.words = self.frame[1:-1, 1:-1]
        self.words.copy_(words)
        self.signs = _Signs(speed, words, options.balloon_speed)
        self.grows = options.direction > 0
        self.replicate = options.replicate
        h, w = self.height, self.width
        north, south = self.frame[:h, 1:-1], self.frame[2:, 1:-1]
        west, east = self.frame[1:-1, :w], self.frame[1:-1, 2:]
        self.lines = (
            (north, south),
            (west, east),
            (self.frame[:h, :w], self.frame[2:, 2:]),
            (self.frame[:h, 2:], self.frame[2:, :w]),
        )
        self.rows = words.new_zeros(h + 2, w)
        self.work = [torch.zeros_like(words) for _ in range(6)]

    def _fill_frame(self, replicate: bool) -> None:
        """Set the pixels just outside of the image: copies of the border, or zeros."""
        frame, h, w = self.frame, self.height, self.width
        if not replicate:
            frame[:: h + 1].zero_()
            frame[:, :: w + 1].zero_()
            return
        frame[0], frame[-1] = frame[1], frame[-2]
        frame[:, 0], frame[:, -1] = frame[:, 1], frame[:, -2]

    def inflate(self) -> None:
        """3x3 dilation, or erosion for a negative balloon, taken over inside the region."""
        if self.replicate:
            self._fill_frame(True)
        join = torch.bitwise_or if self.grows else torch.bitwise_and
        rows, out = self.rows, self.work[0]
        join(self.frame[:, :-2], self.frame[:, 2:], out=rows)
        join(rows, self.frame[:, 1:-1], out=rows)
        join(rows[:-2], rows[2:], out=out)
        join(out, rows[1:-1], out=out)
        out ^= self.words
        out &= self.signs.region
        self.words ^= out

    def attach(self) -> None:
        """Set a pixel where grad g . grad u > 0, clear it where < 0."""
        self._fill_frame(True)
        (north, south), (west, east) = self.lines[:2]
        has_y, has_x, opposite, both, chosen, change = self.work
        torch.bitwise_xor(north, south, out=has_y)
        torch.bitwise_xor(west, east, out=has_x)
        torch.bitwise_xor(north, west, out=opposite)
        torch.bitwise_and(has_y, has_x, out=both)

        def choose(table: list[Tensor], out: Tensor, diagonal: Tensor) -> None:
            torch.bitwise_and(has_y, table[0], out=out)
            out ^= table[1]
            torch.bitwise_and(opposite, table[3], out=diagonal)
            diagonal ^= table[2]
            diagonal ^= out
            diagonal &= both
            out ^= diagonal

        scratch = self.rows[: self.height]
        choose(self.signs.sets, change, scratch)
        # where the set side comes first, grad u points against the direction: turn the sign over
        opposite_y = torch.bitwise_and(has_y, opposite, out=scratch)
        change ^= opposite_y
        change ^= west
        change ^= self.words
        choose(self.signs.moves, chosen, scratch)
        has_y |= has_x
        chosen &= has_y
        chosen &= change
        self.words ^= chosen
        if not self.replicate:
            self._fill_frame(False)

    def smooth(self, inner: str) -> None:
        """Infimum over four lines of dilations (`inner` 'or'), or supremum of erosions ('and')."""
        if self.replicate:
            self._fill_frame(True)
        join, meet = torch.bitwise_or, torch.bitwise_and
        if inner == 'and':
            join, meet = meet, join
        line, out = self.work[:2]
        join(*self.lines[0], out=out)
        for pair in self.lines[1:]:
            join(*pair, out=line)
            meet(out, line, out=out)
        join(self.words, out, out=self.words)


def evolve_words(
    masks: Tensor,
    speed: Tensor,
    num_iters: int,
    steps: Sequence[int],
    options: EvolutionOptions,
) -> Iterator[Tensor]:
    """Yield the packed states (H, W) at each of the ascending `steps`.

    Args:
        masks: Masks (M, H, W), bool, M at most `MAX_MASKS`.
        speed: Speeds (M, H, W), float32 or float64.
        num_iters: Iterations to run.
        steps: Ascending iterations whose states are yielded, 0 for the start.
        options: How they evolve.
    """
    state = _Evolution(masks, speed, options)
    wanted = set(steps)
    operator = options.phase
    for iteration in range(num_iters + 1):
        if iteration > 0:
            if options.direction:
                state.inflate()
            state.attach()
            for _ in range(options.smoothing):
                for inner in ('or', 'and') if operator % 2 == 0 else ('and', 'or'):
                    state.smooth(inner)
                operator += 1
        if iteration in wanted:
            yield state.words.clone()
