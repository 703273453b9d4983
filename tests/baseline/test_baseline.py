from __future__ import annotations

import numpy as np
import pytest

from mmbench.registry import Variant, variants


@pytest.mark.parametrize("variant", variants("baseline").values(), ids=lambda v: v.name)
def test_predicts_distributions_and_repeats_itself(variant: Variant) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)).astype(np.float32), rng.integers(0, 3, 60)
    a, b = (variant.cls().model(7).fit(x, y).predict_proba(x) for _ in range(2))
    assert a.shape == (60, 3)
    assert np.allclose(a.sum(1), 1)
    assert np.array_equal(a, b)


def test_majority_ignores_its_input() -> None:
    model = variants("baseline")["majority"].cls().model(0)
    model.fit(np.zeros((5, 2)), np.array([1, 1, 1, 0, 2]))
    assert model.predict(np.random.default_rng(0).normal(size=(4, 2))).tolist() == [1, 1, 1, 1]


def test_linear_separates_what_a_line_separates() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = (x[:, 0] > 0).astype(int)
    assert variants("baseline")["linear"].cls().model(0).fit(x, y).score(x, y) > 0.9
