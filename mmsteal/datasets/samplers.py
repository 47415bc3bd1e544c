"""An endless sampler whose augmentation can be repeated."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import numpy as np
from mmengine.dataset import InfiniteSampler
from mmseg.registry import DATA_SAMPLERS


class Draw(int):
    """An index that knows which draw of the run it is.

    Attributes:
        seed (int): Seed of the run.
        number (int): How many draws came before, over all ranks.
    """

    seed: int
    number: int

    def __new__(cls, index: int, seed: int, number: int) -> Draw:
        """Make the index."""
        draw = super().__new__(cls, index)
        draw.seed, draw.number = seed, number
        return draw

    def __reduce__(self) -> tuple:
        """Travel to the workers whole."""
        return Draw, (int(self), self.seed, self.number)

    def seed_transforms(self) -> None:
        """Seed the generators that the transforms of mmcv and mmseg draw from."""
        state = np.random.SeedSequence([self.seed, self.number]).generate_state(2)
        np.random.seed(state[0])  # noqa: NPY002  (the transforms use the global generator)
        random.seed(int(state[1]))


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """mmengine's endless sampler, with a seed for the augmentation of every draw.

    With :class:`EdgeDataset` each draw is augmented by random numbers of its own. So a resumed run
    sees the same crops as one that was never interrupted, and the number of workers changes
    nothing. Arguments as in :class:`mmengine.dataset.InfiniteSampler`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._drawn = 0

    def __iter__(self) -> Iterator[Draw]:
        """Yield this rank's indices for ever."""
        for index in self.indices:
            number = self._drawn * self.world_size + self.rank
            self._drawn += 1
            yield Draw(int(index), self.seed, number)

    def skip(self, num_samples: int) -> None:
        """Go to this rank's draw of that number, as mmengine asks on resuming."""
        own = islice(self._infinite_indices(), self.rank, None, self.world_size)
        self.indices = islice(own, num_samples, None)
        self._drawn = num_samples
