"""bfloat16 training on CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from mmseg.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """Run the forward pass in bfloat16 autocast, without a gradient scaler.

    mmengine's `AmpOptimWrapper` refuses the CPU and defaults to float16, whose range the summed
    losses of STEAL leave. The losses of mmsteal compute in float32 whatever the autocast.
    """

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        """Autocast around the forward pass."""
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
