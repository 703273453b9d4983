"""Integrated gradients and gradient x input as captum has them; where relevance lies as quantus says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mmbench.probe.shared import localisation as local
from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.embedded import Embedded
from tests.probe.test_relevance import answer_of, some_inputs, some_model


def double() -> Embedded:
    """In float64, so that only the rule of integration could differ."""
    x = Embedded(some_model(), some_inputs())
    x.model.double()
    x.tokens = {p: t.double() for p, t in x.tokens.items()}
    return x


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


def test_localisation_is_that_of_quantus() -> None:
    """An image of 12 x 12, each of whose pixels is a token."""
    quantus = pytest.importorskip("quantus", reason="quantus is an oracle, and no dependency")
    draw = np.random.default_rng(0)
    relevance, evidence = draw.random((20, 144)), draw.random((20, 144)) < 0.2
    real = np.ones_like(evidence)
    images = {"x_batch": np.zeros((20, 1, 12, 12)), "y_batch": np.zeros(20, int)}
    images |= {"a_batch": relevance.reshape(20, 1, 12, 12), "s_batch": evidence.reshape(20, 1, 12, 12)}
    settings = {"abs": False, "normalise": False, "disable_warnings": True}
    areas = quantus.AUC(**settings)(model=None, **images)
    assert local.auroc(relevance, real, evidence) == pytest.approx(np.array(areas, float), abs=1e-6)
    hits = quantus.PointingGame(**settings)(model=None, **images)
    assert local.pointing_game(relevance, real, evidence) == pytest.approx(np.array(hits, float), abs=1e-6)
