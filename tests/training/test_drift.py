"""What a machine of changing speed makes of times is found and taken out; what methods differ by stays."""

from __future__ import annotations

import numpy as np

from mmbench.training.drift import without_drift


def timed(rng: np.random.Generator, *, drift: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Methods, times, and what each method takes: 40 methods in 30 passes, on a machine that wanders by a fifth."""
    own = rng.uniform(1e-3, 2e-2, size=40)
    methods = np.concatenate([rng.permutation(40) for _ in range(30)])
    wander = np.cumsum(rng.normal(scale=0.02, size=len(methods))) if drift else np.zeros(len(methods))
    wander -= np.median(wander)
    times = own[methods] * np.exp(wander + rng.normal(scale=0.03, size=len(methods)))
    return methods, times, own


def errors(methods: np.ndarray, times: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Of each method's lower quartile, relative to that of all."""
    found = np.array([np.percentile(times[methods == m], 25) for m in range(len(own))]) / own
    return np.abs(found / np.median(found) - 1)


def test_a_wandering_machine_does_not_tell_methods_apart() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        methods, times, own = timed(rng, drift=True)
        raw, mended = errors(methods, times, own), errors(methods, without_drift(methods, times), own)
        assert mended.max() < 0.04 and mended.mean() < 0.6 * raw.mean()


def test_a_steady_machine_is_left_alone() -> None:
    methods, times, own = timed(np.random.default_rng(0), drift=False)
    mended = without_drift(methods, times)
    assert np.abs(np.log(mended / times)).mean() < 0.01
    assert errors(methods, mended, own).max() < 0.04


def test_the_usual_level_stays() -> None:
    """A machine that is slow for a tenth of the time takes nothing from what methods usually take."""
    rng = np.random.default_rng(1)
    methods, times, own = timed(rng, drift=False)
    times[500:620] *= 1.5
    mended = without_drift(methods, times)
    found = np.array([np.median(mended[methods == m]) for m in range(40)])
    assert np.abs(found / own - 1).max() < 0.05
    assert np.abs(np.log(mended[500:620] / own[methods[500:620]])).mean() < 0.1


def test_one_method_and_none() -> None:
    assert np.allclose(without_drift(np.zeros(5, dtype=np.intp), np.full(5, 0.01)), 0.01)
    assert len(without_drift(np.zeros(0, dtype=np.intp), np.zeros(0))) == 0
