"""A model that says what is in its input: what a probe finds of it is known beforehand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.task import Task
from tests.support import small


class Says(nn.Module):
    """(B, 1, C) -> (B, C): its input, as logits."""

    def forward(self, inputs: Inputs) -> Tensor:
        return inputs["a"].values[:, 0]


def saying(task: Task, **splits: tuple[np.ndarray, np.ndarray]) -> tuple[DataSpec, dict[str, Split]]:
    """splits: logits and labels of each."""
    width = len(task.targets)
    sizes = {name: len(labels) for name, (_, labels) in splits.items()}
    spec = small.spec(task=task, modalities={"a": Modality(kind="feature", shape=(1, width))}, splits=sizes)
    whole = torch.int64 if task.kind in ("classification", "binary") else torch.float32
    return spec, {
        name: Split(
            inputs={"a": Example(values=torch.from_numpy(np.asarray(logits, np.float32))[:, None])},
            labels=torch.from_numpy(np.array(labels)).to(whole),
        )
        for name, (logits, labels) in splits.items()
    }


def drawn(seed: int, samples: int, classes: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a model that is sure by that factor too much, and labels: at this temperature it is calibrated."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 3, (samples, classes)).astype(np.float32)
    noise = draw.gumbel(size=logits.shape)
    return logits, (logits / temperature + noise).argmax(1)


def drawn_labels(seed: int, samples: int, labels: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of labels, each by itself."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(-1, 3, (samples, labels)).astype(np.float32)
    return logits, (draw.logistic(size=logits.shape) < logits / temperature).astype(np.int64)
