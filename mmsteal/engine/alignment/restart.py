"""Start the workers of a data loader anew, so that they see how the dataset has changed."""

from __future__ import annotations

from mmengine.runner import IterBasedTrainLoop


def restart_dataloader(loop: IterBasedTrainLoop, num_batches: int) -> None:
    """Replace the workers of a training loop; the next batch is number `num_batches`.

    Workers hold copies of the dataset, persistent ones for the whole run, and have batches ready
    that were made before the change. These are dropped, so which labels an iteration sees does not
    depend on the number of workers, and a resumed run sees what the uninterrupted one saw.

    Args:
        loop (IterBasedTrainLoop): The loop; its iterator is replaced.
        num_batches (int): Batches that this rank has used.
    """
    loader = loop.dataloader
    sampler = loader.sampler
    if hasattr(sampler, 'skip'):
        batch_size = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
        sampler.skip(num_batches * batch_size)
    loader._iterator = None  # persistent workers would be taken over otherwise
    loop.dataloader_iterator = type(loop.dataloader_iterator)(loader)
