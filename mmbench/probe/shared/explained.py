"""The relevance of tokens by every method, for a few test samples: computed once for the probes of a model."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from mmbench.data.batches import Example
from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, embedded, renewed
from mmbench.probe.shared.once import once
from mmbench.probe.shared.sample import chosen
from mmbench.schema.dataset import DataSpec

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split

SAMPLES = 24
FRESH = 12
"""Samples that a model with fresh weights is asked about: what is measured of it is a mean over trials."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """index: (n,) of the samples in their split. found: relevance by method, those that are defined for the model."""

    x: Embedded
    answer: Answer
    index: Tensor
    labels: Tensor
    found: Mapping[str, by.Relevance]
    gap: float


def explained(model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, seed: int = 0) -> Explained | None:
    """Of a few test samples, the same for all models on the data set; None where the model has no tokens. seed: of the
    random ranking."""

    def make() -> Explained | None:
        test = splits["test"]
        index = chosen(test, SAMPLES)
        inputs, labels = test.rows(index.to(test.labels.device))
        x = embedded(model, inputs)
        return None if x is None else explain(x, spec, index, labels, seed=seed)

    return once(model, ("explained", seed), make)


def explain(
    x: Embedded,
    spec: DataSpec,
    index: Tensor,
    labels: Tensor,
    *,
    answer: Answer | None = None,
    steps: int = by.STEPS,
    seed: int = 0,
) -> Explained:
    """By every method. answer: what is explained, where it is not the model's own. steps: of integrated gradients.
    seed: of the random ranking, so that its luck is in intervals over seeds; another one for each kind of model, so
    that a mean over combinations is no single draw."""
    answer = answer or Answer(task=spec.task, outputs=x.outputs)
    baseline = by.mean_tokens(x)
    integrated = by.integrated_gradients(x, answer, baseline, steps=steps)
    weights = by.attention(x)
    found = {} if weights is None else {"attention": weights}
    found |= {
        "gradient_x_input": by.gradient_x_input(x, answer),
        "integrated_gradients": integrated,
        "occlusion": by.occlusion(x, answer),
        "random": by.at_random(x.mask, seed=_draw(x.model, seed)),
    }
    gap = by.completeness_gap(x, answer, integrated, baseline)
    return Explained(x=x, answer=answer, index=index, labels=labels, found=found, gap=gap)


def _draw(model: nn.Module, seed: int) -> int:
    """A seed for a model of this form: the same on every machine and whatever its weights are."""
    parts = [f"{name} {type(m).__qualname__}" for name, m in model.named_modules()]
    parts += [f"{name} {tuple(p.shape)}" for name, p in model.named_parameters()]
    return zlib.crc32("\n".join([str(seed), *parts]).encode())


def with_fresh_weights(model: nn.Module, found: Explained, spec: DataSpec, seed: int) -> Explained:
    """Of the first samples alone, for the answer that the model itself gives them: tokens speak for what a fresh model
    answers by whatever stands out in them, and say nothing of any other answer."""
    n = FRESH
    inputs = {
        name: Example(values=e.values[:n], mask=None if e.mask is None else e.mask[:n])
        for name, e in found.x.inputs.items()
    }
    x = Embedded(renewed(model, seed), inputs)
    answer = Answer(task=spec.task, outputs=found.answer.outputs[:n])
    return explain(x, spec, found.index[:n], found.labels[:n], answer=answer, steps=by.STEPS // 2, seed=seed)
