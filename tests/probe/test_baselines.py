"""Probes say what they cannot measure on baselines, so that none is fitted again for nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmbench.data.batches import Example, Split
from mmbench.model.baseline import BaselineModel
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec
from mmbench.sweep.measure import wanted, wanted_by_kind
from tests.support import small

PROBES = {name: v.cls for name, v in variants("probe").items() if v.cls.on == "trial"}


@pytest.fixture(scope="module")
def fitted() -> tuple[BaselineModel, dict[str, Split], DataSpec]:
    spec = small.spec(modalities={m: small.spec().modalities[m] for m in ("a", "b")})
    torch.manual_seed(0)
    splits = {}
    for name in ("train", "validation", "test"):
        inputs = {m: Example(values=torch.randn(60, *spec.modalities[m].shape)) for m in ("a", "b")}
        splits[name] = Split(inputs=inputs, labels=torch.arange(60) % len(spec.task.targets))
    model = BaselineModel(get("baseline", "linear", where="a test").cls().model(0, spec.task), spec)
    model.fit(splits["train"])
    return model, splits, spec


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_measures_baselines_if_it_says_so(
    fitted: tuple[BaselineModel, dict[str, Split], DataSpec], name: str
) -> None:
    model, splits, spec = fitted
    found = PROBES[name]().measure(model, splits, spec, seed=0)
    known = [x for value in found.values() if value is not None for x in np.atleast_1d(value)]
    assert bool(known) == PROBES[name].baselines, found


def test_baselines_lack_no_probe_that_they_cannot_have() -> None:
    spec = small.spec()
    without = {n for n, cls in PROBES.items() if not cls.baselines}
    assert without == {"relevance", "faithfulness", "representation"}
    of_all, of_baselines = (wanted(spec, "all", baseline=b) for b in (False, True))
    assert of_all.probes.keys() - of_baselines.probes.keys() == without
    assert of_baselines.metrics == of_all.metrics
    assert wanted_by_kind({"small": spec}, ("faithfulness",))["small", True].probes == {}
