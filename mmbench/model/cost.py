"""What a model costs: parameters, FLOPs, time of a prediction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmbench.data.batches import Split


def parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_flops(call: Callable[[], object]) -> int:
    """FLOPs of a call: 2 per multiply-add of a matrix product.

    Elementwise work is not counted. Fused attention is unknown to the counter and would count as zero, so the call goes
    through PyTorch's plain attention kernel.
    """
    # The counter's bookkeeping needs autograd wherever a parameter itself is a module's input, as learned tokens are.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def flops(model: nn.Module, split: Split) -> int:
    """FLOPs of one forward pass for one sample, as `counted` does."""
    model.eval()
    inputs, _ = split.rows(slice(0, 1))
    return count_flops(lambda: model(inputs))


@torch.inference_mode()
def inference_seconds(model: nn.Module, split: Split, *, batch: int = 128) -> float:
    """Median wall seconds of a forward pass, divided by the samples in it; after warm-up, about 0.1 s of measuring."""
    # Late: it takes half a second, and writes a warning where there is a CUDA compiler and no GPU.
    from torch.utils import benchmark

    model.eval()
    inputs, labels = split.rows(slice(0, batch))
    timer = benchmark.Timer(
        "model(inputs)", globals={"model": model, "inputs": inputs}, num_threads=torch.get_num_threads()
    )
    return timer.blocked_autorange(min_run_time=0.05).median / len(labels)
