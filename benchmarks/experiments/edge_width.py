"""How wide are the edges that each loss teaches? A synthetic experiment, printed as a table.

A small network with features at stride 4 learns the outlines of shapes. Its responses are measured
on unseen images along the true normals: full width at half maximum (FWHM), height of the maximum,
its distance from the true edge, and the error of the normals of the response.

    python benchmarks/experiments/edge_width.py [--seeds 3] [--steps 300] [--jitter-px 1.5]
"""

from __future__ import annotations

import argparse
import math
import time
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mmsteal.functional.balanced_bce import balanced_bce_loss
from mmsteal.functional.direction import direction_loss
from mmsteal.functional.edge_geometry import EdgeGeometry, edge_geometry
from mmsteal.functional.edges import mask_edges
from mmsteal.functional.normals import edge_normals
from mmsteal.functional.thinning import thinning_nms_loss

SIZE = 96
LABEL_RADIUS = 2.0
REACH_PX, STEP_PX, SEARCH_PX = 14.0, 0.25, 3.0


class Row(NamedTuple):
    """One line of a table: its name, and the weights and options of the NMS and direction loss."""

    name: str
    nms: float = 0.0
    response: str = 'probability'
    positives: str = 'center'
    direction: float = 0.0
    damping: float = 3e-4


EXACT = (
    Row('BCE'),
    Row('+ 1 x NMS', 1.0),
    Row('+ 10 x NMS', 10.0),
    Row('+ 10 x NMS, logits', 10.0, response='logit'),
    Row('+ 10 x NMS, whole band', 10.0, positives='band'),
    Row('+ 1 x direction', direction=1.0),
    Row('+ 10 x NMS + 1 x direction', 10.0, direction=1.0),
)
JITTERED = (EXACT[0], EXACT[1], EXACT[2], EXACT[6])
DAMPED = tuple(
    Row(f'+ 1 x direction, damping {d:g}', direction=1.0, damping=d)
    for d in (1e-5, 1e-4, 3e-4, 1e-3, 1e-2)
)


def scene(rng: np.random.Generator, jitter_px: float) -> tuple[NDArray, NDArray, NDArray]:
    """Image, mask of its shapes, and the mask as an annotator with an error would draw it."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    image = np.full((SIZE, SIZE), rng.uniform(0.2, 0.8), np.float32)
    masks = np.zeros((2, SIZE, SIZE), bool)
    for _ in range(2):
        center, radii = rng.uniform(20, SIZE - 20, 2), rng.uniform(10, 24, 2)
        turn, shade = rng.uniform(0, math.pi), rng.uniform(0, 1)
        box = rng.random() < 0.5
        error = rng.normal(0, jitter_px, 2)
        for i, shift in enumerate((np.zeros(2), error)):
            dy, dx = y - center[0] - shift[0], x - center[1] - shift[1]
            u = np.abs(dx * math.cos(turn) + dy * math.sin(turn)) / radii[0]
            v = np.abs(dy * math.cos(turn) - dx * math.sin(turn)) / radii[1]
            shape = (np.maximum(u, v) if box else np.hypot(u, v)) < 1
            masks[i] |= shape
            if i == 0:
                image[shape] = shade
    return image + rng.normal(0, 0.1, image.shape).astype(np.float32), masks[0], masks[1]


def scenes(seed: int, number: int, jitter_px: float) -> tuple[Tensor, Tensor, Tensor]:
    """Images (n, 1, H, W), exact and drawn label bands of the same shape."""
    rng = np.random.default_rng(seed)
    made = [scene(rng, jitter_px) for _ in range(number)]
    images, exact, drawn = (np.stack(part) for part in zip(*made, strict=True))
    bands = (torch.from_numpy(mask_edges(m, LABEL_RADIUS))[:, None] for m in (exact, drawn))
    return torch.from_numpy(images)[:, None], *bands


def network() -> nn.Module:
    """Features at stride 4 and a bilinear upsampling: the responses are blurry by construction."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, 1, 2, dilation=2),
        nn.ReLU(),
        nn.Conv2d(32, 1, 1),
        nn.Upsample(scale_factor=4, mode='bilinear'),
    )


def train(row: Row, images: Tensor, target: Tensor, seed: int, steps: int) -> nn.Module:
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        batch = torch.randint(len(images), (4,))
        logits, labels = model(images[batch]), target[batch]
        geometry = edge_geometry(labels, positives=row.positives)
        loss = balanced_bce_loss(logits, labels)
        if row.nms:
            loss = loss + row.nms * thinning_nms_loss(
                logits, labels, response=row.response, geometry=geometry
            )
        if row.direction:
            loss = loss + row.direction * direction_loss(
                logits, labels, geometry=geometry, damping=row.damping
            )
        optimizer.zero_grad()
        # The summed losses of the paper, brought to the scale of one edge pixel.
        (loss / (labels == 1).sum()).backward()
        optimizer.step()
        schedule.step()
    return model


def profiles(probability: Tensor, geometry: EdgeGeometry) -> NDArray[np.float64]:
    """Responses along the normals (P, S); NaN outside the image."""
    t = torch.arange(-REACH_PX, REACH_PX + STEP_PX / 2, STEP_PX)
    x = geometry.x[:, None] + t * torch.cos(geometry.angle)[:, None]
    y = geometry.y[:, None] + t * torch.sin(geometry.angle)[:, None]
    out = torch.full(x.shape, torch.nan)
    for n in range(len(probability)):
        mine = geometry.maps[geometry.slot] == n
        grid = torch.stack([x[mine], y[mine]], -1) * 2 / (SIZE - 1) - 1
        out[mine] = F.grid_sample(probability[n : n + 1], grid[None], align_corners=True)[0, 0]
    outside = (x < 0) | (x > SIZE - 1) | (y < 0) | (y > SIZE - 1)
    return out.masked_fill(outside, torch.nan).double().numpy()


def width_height_offset(profile: NDArray[np.float64]) -> tuple[float, float, float]:
    """FWHM in px, height and |offset| in px of the maximum near the true edge."""
    middle = len(profile) // 2
    near = round(SEARCH_PX / STEP_PX)
    window = profile[middle - near : middle + near + 1]
    if np.isnan(window).any():
        return math.nan, math.nan, math.nan
    peak = middle - near + int(np.argmax(window))
    half = profile[peak] / 2
    width = 0.0
    for side in (profile[peak:], profile[peak::-1]):
        below = np.flatnonzero(~(side >= half))
        if not below.size:
            width += REACH_PX  # a lower bound
            continue
        last = below[0] - 1
        width += (last + (side[last] - half) / (side[last] - side[last + 1])) * STEP_PX
    return width, profile[peak], abs(peak - middle) * STEP_PX


@torch.no_grad()
def measure(model: nn.Module, images: Tensor, exact: Tensor) -> tuple[float, float, float, float]:
    probability = model(images).sigmoid()
    geometry = edge_geometry(exact)
    values = np.array([width_height_offset(p) for p in profiles(probability, geometry)])
    angle = edge_normals(probability[:, 0])[geometry.maps[geometry.slot], geometry.y, geometry.x]
    error = (angle - geometry.angle).remainder(math.pi)
    error = torch.minimum(error, math.pi - error).mean()
    return (*np.nanmean(values, 0), math.degrees(error))


def table(
    title: str,
    rows: tuple[Row, ...],
    jitter_px: float,
    seeds: int,
    steps: int,
) -> None:
    print(f'\n{title}\n')
    print(
        '| loss | FWHM, px | maximum | its distance from the edge, px | error of the normal, deg |'
    )
    print('|---|---|---|---|---|')
    for row in rows:
        runs = []
        for seed in range(seeds):
            images, _, drawn = scenes(seed, 64, jitter_px)
            test_images, test_exact, _ = scenes(10_000 + seed, 16, 0.0)
            model = train(row, images, drawn, seed, steps)
            runs.append(measure(model, test_images, test_exact))
        mean, spread = np.mean(runs, 0), np.std(runs, 0, ddof=1) if seeds > 1 else np.zeros(4)
        cells = [f'{m:.2f} ± {s:.2f}' for m, s in zip(mean, spread, strict=True)]
        print(f'| {row.name} | {" | ".join(cells)} |')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--steps', type=int, default=300)
    parser.add_argument('--jitter-px', type=float, default=1.5)
    parser.add_argument(
        '--damping', action='store_true', help='print the table of the damping of direction instead'
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    if args.damping:
        table('Exact labels', (EXACT[0], *DAMPED), 0.0, args.seeds, args.steps)
    else:
        table('Exact labels', EXACT, 0.0, args.seeds, args.steps)
        error = f'shifted by a normal error of {args.jitter_px} px on each axis'
        title = f'Shapes of the training labels {error}'
        table(title, JITTERED, args.jitter_px, args.seeds, args.steps)
    seconds = time.perf_counter() - start
    print(f'\n{args.seeds} seeds, {args.steps} steps, {seconds:.0f} s, one thread')


if __name__ == '__main__':
    main()
