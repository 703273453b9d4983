"""What a model says of a split."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from mmbench.data.batches import Inputs, Split
from mmbench.training.captured import Capture, Captured, Results
from mmbench.training.stack import pack, unpack

EVALUATION_BATCH = 256
"""Rows at a time. On a CPU 512 take a tenth longer, since what they make is not in the cache."""


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision: bfloat16 where `precision` says so, or where it is "auto" and a GPU supports it."""
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


@torch.inference_mode()
def predict(
    model: nn.Module, split: Split, *, precision: str = "float32", outputs: Callable[[Inputs], Tensor] | None = None
) -> Tensor:
    """Logits (N, C) in float32, with the model in evaluation mode. outputs: what to call in place of the model."""
    model.eval()
    parts = []
    for i in range(0, len(split), EVALUATION_BATCH):
        inputs, _ = split.rows(slice(i, i + EVALUATION_BATCH))
        with autocast(precision, split.labels.device):
            found = model(inputs) if outputs is None else outputs(inputs)
        parts.append(found.float())
    return torch.cat(parts)


class CapturedOutputs:
    """The outputs of a model, by graphs where they can be captured."""

    def __init__(self, model: nn.Module, capture: Capture) -> None:
        self.model, self.layout = model, list[tuple[str, bool]]()
        self.captured = Captured(self._outputs, capture, model, list(model.buffers()))

    def _outputs(self, *tensors: Tensor) -> Results:
        # Casts of weights that were kept from before would lie in memory that nobody writes again.
        torch.clear_autocast_cache()
        found = self.model(unpack(tensors, self.layout))
        torch.clear_autocast_cache()
        return (found,)

    def __call__(self, inputs: Inputs) -> Tensor:
        tensors, self.layout = pack(inputs)
        (found,) = self.captured(*tensors)
        assert found is not None
        # The next call writes over it.
        return found.clone()
