"""Compiled evolution of one bit-packed mask (Eq. 13): the CPU side of `evolve_level_set`.

`evolve_level_set_reference` says in twenty lines what is computed here. `_level_set_words` has the
layout of a mask, `_level_set_operators` what happens to the rows of a strip.

Work: a strip is cut into tiles of `TILE_ROWS` rows. Each step is a fixed function of a tile and its
eight neighbors, and the sequence of steps repeats with a period of two iterations. A tile whose
neighborhood is what it was one period before must therefore become what it became then, and that
is still in the ring of past states. Only the tiles around moving parts of a contour are computed.

Shape shorthand:
    S: strips, H: rows, T: tiles of a strip, L: states in the ring, C: checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mmsteal.functional.level_sets._level_set_history import PackedHistory
from mmsteal.functional.level_sets._level_set_operators import (
    apply_balloon,
    attach,
    inf_sup,
    set_frame,
    sign_words,
    sup_inf,
)
from mmsteal.functional.level_sets._level_set_words import ZERO, pack_mask, strip_bits
from mmsteal.functional.level_sets.evolution_options import EvolutionOptions

TILE_ROWS = 32
# Smoothing beyond this is done in further steps of its own, which keeps the ghost margins narrow.
SMOOTHING_PER_STEP = 4


def evolve_mask(
    mask: NDArray[np.bool_],
    speed: NDArray[np.floating],
    num_iters: int,
    steps: Sequence[int],
    options: EvolutionOptions,
) -> PackedHistory:
    """Evolve one mask and keep its states.

    Args:
        mask: Mask (H, W).
        speed: Speed (H, W), float32 or float64.
        num_iters: Iterations to run.
        steps: Ascending iterations (C,) whose states are kept, 0 for the start.
        options: How it evolves.
    """
    height, width = mask.shape
    # How far one step reaches: balloon 1, attachment 1, each smoothing 2.
    ghost = 2 + 2 * min(options.smoothing, SMOOTHING_PER_STEP)
    num_words = -(-width // (64 - 2 * ghost))
    words = np.zeros((num_words, height), np.uint64)
    # Read-only arrays would be another type to the compiler: writable ones spare a compilation.
    pack_mask(np.require(mask, requirements=['C', 'W']).view(np.uint8), ghost, words)
    history = np.empty((len(steps), num_words, height), np.uint64)
    _evolve(
        words,
        np.require(speed, requirements=['C', 'W']),
        num_iters,
        int(options.smoothing),
        options.direction,
        options.balloon_speed,
        int(options.phase),
        options.replicate,
        ghost,
        np.array(steps, np.int64),
        history,
    )
    return PackedHistory(history, ghost)


@njit(cache=True, nogil=True)
def _mixed_tiles(words, ghost, width, replicate):
    """Tiles (S, T) that see both values; any other tile keeps its value until something comes near.

    Outside the image counts as zeros, unless the border is replicated.
    """
    num_words, height = words.shape
    num_tiles = (height + TILE_ROWS - 1) // TILE_ROWS
    has_zeros, has_ones = np.uint8(1), np.uint8(2)
    own_bits = (~ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    outside = np.uint8(0) if replicate else has_zeros
    content = np.full((num_words + 2, num_tiles + 2), outside, np.uint8)
    for s in range(num_words):
        bits = strip_bits(s, ghost, width)[0] & own_bits
        for t in range(num_tiles):
            some = ZERO
            every = bits
            for y in range(t * TILE_ROWS, min((t + 1) * TILE_ROWS, height)):
                some |= words[s, y]
                every &= words[s, y]
            content[s + 1, t + 1] = (has_ones if some != 0 else np.uint8(0)) | (
                has_zeros if every != bits else np.uint8(0)
            )
    mixed = np.zeros((num_words, num_tiles), np.bool_)
    for s in range(num_words):
        for t in range(num_tiles):
            seen = np.uint8(0)
            for i in range(3):
                for j in range(3):
                    seen |= content[s + i, t + j]
            mixed[s, t] = seen == has_zeros | has_ones
    return mixed


@njit(cache=True, nogil=True)
def _evolve(
    words, speed, num_iters, smoothing, balloon, threshold, phase, replicate, ghost, steps, history
):
    """Evolve (S, H) `words` and write the state at each of `steps` to `history`.

    Args:
        words: The packed start (S, H), see `pack_mask`.
        speed: Speed (H, W), float32 or float64.
        num_iters: Iterations to run.
        smoothing: Curvature operators an iteration.
        balloon: Direction of the balloon force: -1, 0 or 1.
        threshold: The balloon acts where speed > threshold.
        phase: 0 if the first curvature operator is SI after IS, 1 if it is IS after SI.
        replicate: Whether the mask goes on beyond the image border, or is zero there.
        ghost: Ghost bits on each side of a word.
        steps: Ascending iterations (C,), 0 for the start.
        history: (C, S, H) words, output.
    """
    num_words, height = words.shape
    width = speed.shape[1]
    own = 64 - 2 * ghost
    own_bits = (~ZERO << np.uint64(2 * ghost)) >> np.uint64(ghost)
    num_tiles = (height + TILE_ROWS - 1) // TILE_ROWS
    parts = max(1, (smoothing + SMOOTHING_PER_STEP - 1) // SMOOTHING_PER_STEP)
    period = 2 * parts  # in steps; over two iterations SI after IS and IS after SI come round again

    ring = np.zeros((period, num_words + 2, height), np.uint64)
    for n in range(period):
        ring[n, 1:-1] = words
    changed = np.zeros((period, num_words + 2, num_tiles + 2), np.bool_)
    mixed = _mixed_tiles(words, ghost, width, replicate)
    signs = np.empty((9, num_words, height), np.uint64)
    signs_known = np.zeros((num_words, num_tiles), np.bool_)
    sign_work = np.zeros((7, 64), speed.dtype)
    sign_out = np.zeros(9, np.uint64)
    # One tile with its margins: row y of the image is row y - y0 + origin here.
    origin = ghost + 1
    a = np.zeros(TILE_ROWS + 2 * origin, np.uint64)
    b = np.zeros(TILE_ROWS + 2 * origin, np.uint64)

    checkpoint = 0
    while checkpoint < steps.size and steps[checkpoint] == 0:
        history[checkpoint] = words
        checkpoint += 1

    for n in range(1, num_iters * parts + 1):
        source = ring[(n - 1) % period]
        target = ring[n % period]
        source_changed = changed[(n - 1) % period]
        target_changed = changed[n % period]
        iteration = (n - 1) // parts
        part = (n - 1) % parts
        curvatures = min(SMOOTHING_PER_STEP, smoothing - part * SMOOTHING_PER_STEP)
        operator = phase + iteration * smoothing + part * SMOOTHING_PER_STEP
        reach = 2 * curvatures
        if part == 0:
            reach += 2 if balloon != 0 else 1

        for s in range(num_words):
            valid, column_0, column_w = strip_bits(s, ghost, width)
            edge_0 = column_0 if replicate else ZERO
            edge_w = column_w if replicate else ZERO
            for t in range(num_tiles):
                active = n <= period and mixed[s, t]
                for i in range(3):
                    for j in range(3):
                        active |= source_changed[s + i, t + j]
                target_changed[s + 1, t + 1] = False
                if not active:
                    continue

                y0 = t * TILE_ROWS
                y1 = min(y0 + TILE_ROWS, height)
                to_local = origin - y0
                top = to_local - 1 if y0 < origin else -1
                bottom = to_local + height if height - y1 < origin else -1
                lo, hi = max(y0 - reach, 0), min(y1 + reach, height)
                here = source[s + 1, lo:hi]
                left = source[s, lo:hi]
                right = source[s + 2, lo:hi]
                rows = a[lo + to_local : hi + to_local]
                for i in range(rows.size):
                    ghosts = (left[i] >> np.uint64(own)) | (right[i] << np.uint64(own))
                    rows[i] = (here[i] | ghosts) & valid

                margin = reach
                if part == 0:
                    for k in range(max(t - 1, 0), min(t + 2, num_tiles)):
                        if not signs_known[s, k]:
                            signs_known[s, k] = True
                            for y in range(k * TILE_ROWS, min((k + 1) * TILE_ROWS, height)):
                                x_start = s * own - ghost
                                sign_words(speed, x_start, y, threshold, sign_work, sign_out)
                                for i in range(9):
                                    signs[i, s, y] = sign_out[i]
                    if balloon != 0:
                        margin -= 1
                        lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                        first, last = lo + to_local, hi + to_local
                        set_frame(a, top, bottom, replicate)
                        where = signs[8, s, lo:hi]
                        apply_balloon(a, b, first, last, where, valid, edge_0, edge_w, balloon > 0)
                        a, b = b, a
                    margin -= 1
                    lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                    first, last = lo + to_local, hi + to_local
                    set_frame(a, top, bottom, True)
                    attach(a, b, first, last, signs[:, s, lo:hi], column_0, column_w)
                    a, b = b, a
                for k in range(2 * curvatures):
                    margin -= 1
                    lo, hi = max(y0 - margin, 0), min(y1 + margin, height)
                    first, last = lo + to_local, hi + to_local
                    set_frame(a, top, bottom, replicate)
                    if (operator + k // 2 + k) % 2 == 0:
                        inf_sup(a, b, first, last, valid, edge_0, edge_w)
                    else:
                        sup_inf(a, b, first, last, edge_0, edge_w)
                    a, b = b, a

                result = a[origin : origin + y1 - y0]
                out = target[s + 1, y0:y1]
                difference = ZERO
                for i in range(out.size):
                    word = result[i] & own_bits
                    difference |= word ^ out[i]
                    out[i] = word
                target_changed[s + 1, t + 1] = difference != 0

        if part == parts - 1:
            while checkpoint < steps.size and steps[checkpoint] == iteration + 1:
                history[checkpoint] = target[1:-1]
                checkpoint += 1
