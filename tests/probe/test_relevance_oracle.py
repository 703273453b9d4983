"""Integrated gradients, gradient x input and occlusion as captum has them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.embedded import Embedded
from tests.probe.test_relevance import answer_of, some_inputs, some_model


def double() -> Embedded:
    """In float64, so that only the rule of integration could differ."""
    x = Embedded(some_model(), some_inputs())
    x.model.double()
    x.tokens = {p: t.double() for p, t in x.tokens.items()}
    return x


@pytest.mark.filterwarnings("ignore:Input Tensor")
@pytest.mark.parametrize("steps", [8, 20])
def test_gradients_are_captums(steps: int) -> None:
    attr = pytest.importorskip("captum.attr", reason="captum is an oracle, and no dependency")
    x = double()
    answer, places, count = answer_of(x), x.places, len(x.outputs)

    def forward(*tokens: Tensor) -> Tensor:
        times = len(tokens[0]) // count
        mask = {name: m.repeat(times, 1) for name, m in x.mask.items()}
        many = type(answer)(task=answer.task, outputs=answer.outputs.repeat(times, 1))
        return many.sureness(x.run(dict(zip(places, tokens, strict=True)), mask))

    tokens, baseline = tuple(x.tokens[p] for p in places), by.mean_tokens(x)
    start = tuple(baseline[p].expand_as(t).contiguous() for p, t in zip(places, tokens, strict=True))
    expected, delta = attr.IntegratedGradients(forward).attribute(
        tokens, baselines=start, n_steps=steps, method="gausslegendre", return_convergence_delta=True
    )
    found = by.integrated_gradients(x, answer, baseline, steps=steps)
    for (_, name), part in zip(places, expected, strict=True):
        assert torch.allclose(found[name].double(), part.sum(-1) * x.mask[name], atol=1e-6)
    rise = answer.sureness(x.outputs) - answer.sureness(x.run(dict(zip(places, start, strict=True)), x.mask))
    gap = by.completeness_gap(x, answer, found, baseline)
    assert gap == pytest.approx(float(delta.abs().mean() / rise.abs().mean()), abs=1e-5)
    expected = attr.InputXGradient(forward).attribute(tokens)
    for (_, name), part in zip(places, expected, strict=True):
        assert torch.allclose(by.gradient_x_input(x, answer)[name].double(), part.sum(-1) * x.mask[name], atol=1e-6)


def test_occlusion_is_captums_ablation_of_the_mask() -> None:
    attr = pytest.importorskip("captum.attr", reason="captum is an oracle, and no dependency")
    x = double()
    answer, names = answer_of(x), tuple(x.mask)

    def forward(*shown: Tensor) -> Tensor:
        return answer.sureness(x.run(x.tokens, {n: x.mask[n] & (s > 0.5) for n, s in zip(names, shown, strict=True)}))

    shown = tuple(m.double() for m in x.mask.values())
    with torch.no_grad():
        expected = attr.FeatureAblation(forward).attribute(shown, baselines=tuple(torch.zeros_like(s) for s in shown))
    found = by.occlusion(x, answer)
    for name, part in zip(names, expected, strict=True):
        assert torch.allclose(found[name].double(), part.double() * x.mask[name], atol=1e-6)
