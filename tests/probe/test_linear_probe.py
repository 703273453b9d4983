"""Linear probes find what is linear and planted, and nothing in noise."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from mmbench.probe.shared import linear_probe
from mmbench.probe.shared.linear_probe import linear_outputs, linear_score
from mmbench.schema.task import Task, task_of

FIVE = task_of("classification", tuple("abcde"))
N, WIDTH = 512, 24


def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def classes(strength: float, seed: int = 0, n: int = 2 * N) -> tuple[np.ndarray, np.ndarray]:
    """Five classes with means of their own, in directions that are mixed and of very different scales."""
    g = draw(seed)
    labels = g.integers(0, 5, n)
    x = strength * draw(99).normal(size=(5, WIDTH))[labels] + g.normal(size=(n, WIDTH))
    return x * np.geomspace(0.01, 100, WIDTH) + 3, labels


def score(task: Task, x: np.ndarray, y: np.ndarray) -> float:
    return linear_score(task, (x[:N], y[:N]), (x[N:], y[N:]))


def test_classes_that_are_planted_are_found_as_well_as_by_logistic_regression() -> None:
    x, y = classes(0.5)
    found = score(FIVE, x, y)
    z = (x - x[:N].mean(0)) / x[:N].std(0)
    logistic = LogisticRegression(max_iter=1000).fit(z[:N], y[:N]).score(z[N:], y[N:])
    assert 0.7 < found < 0.99 and found == pytest.approx(logistic, abs=0.03)
    assert score(FIVE, *classes(3.0)) > 0.99


@pytest.mark.parametrize("shrunk", [0.0, 0.2])
def test_it_is_the_discriminant_of_scikit_learn(shrunk: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "_shrinkage", lambda x: shrunk)
    monkeypatch.setattr(linear_probe, "TINY", 0.0)
    x, y = classes(0.5)
    z = (x - x[:N].mean(0)) / x[:N].std(0)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrunk).fit(z[:N], y[:N]).predict_log_proba(z[N:])
    assert np.allclose(linear_outputs(FIVE, x[:N], y[:N], x[N:]), theirs, atol=1e-6)


def test_a_middle_class_is_not_hidden_between_two_others() -> None:
    """Least squares on indicators never answers with it: Hastie et al. 2009, 4.2."""
    labels = draw(0).integers(0, 3, 2 * N)
    x = labels[:, None] * 6.0 + draw(1).normal(size=(2 * N, 1))
    assert score(task_of("classification", ("low", "middle", "high")), x, labels) > 0.97
    ones = np.c_[x, np.ones(len(x))]
    guess = (ones @ np.linalg.lstsq(ones[:N], np.eye(3)[labels[:N]])[0]).argmax(1)
    assert (guess[N:] == labels[N:]).mean() < 0.75


def test_nothing_is_found_in_noise() -> None:
    """Of many more dimensions than the labels need; who scores what it was fitted on does find something."""
    g = draw(2)
    x, y = g.normal(size=(2 * N, 128)), g.integers(0, 5, 2 * N)
    assert score(FIVE, x, y) == pytest.approx(0.2, abs=0.06)
    seen = linear_score(FIVE, (x[:N], y[:N]), (x[:N], y[:N]))
    assert seen > 0.4, "broken: fitted and scored on the same samples"


def test_what_is_not_linear_is_not_found() -> None:
    bits = draw(3).integers(0, 2, (2 * N, 2))
    x = bits + 0.1 * draw(4).normal(size=(2 * N, 2))
    assert score(task_of("binary", ("no", "yes")), x, bits[:, 0] ^ bits[:, 1]) == pytest.approx(0.5, abs=0.08)
    assert score(task_of("binary", ("no", "yes")), x, bits[:, 0]) > 0.99


def test_each_of_several_labels_is_found_rare_ones_too() -> None:
    g = draw(5)
    labels = (g.random((2 * N, 4)) < [0.5, 0.3, 0.06, 0.5]).astype(np.float32)
    x = np.c_[3 * labels[:, :3] @ g.normal(size=(3, 3)), np.zeros((2 * N, 5))] + g.normal(size=(2 * N, 8))
    task = task_of("multilabel", tuple("abcd"))
    outputs = linear_outputs(task, x[:N], labels[:N], x[N:])
    right = ((outputs > 0) == (labels[N:] > 0)).mean(0)
    assert (right[:3] > 0.85).all() and right[3] == pytest.approx(0.5, abs=0.1)
    rare = outputs[:, 2][labels[N:, 2] > 0]
    assert (rare > 0).mean() > 0.3
    alone = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01).fit(x[:N], labels[:N, 2])
    assert np.corrcoef(outputs[:, 2], alone.decision_function(x[N:]))[0, 1] > 0.99
    always = np.c_[labels, np.ones(2 * N, np.float32), np.zeros(2 * N, np.float32)]
    outputs = linear_outputs(task_of("multilabel", tuple("abcdef")), x[:N], always[:N], x[N:])
    assert (outputs[:, 4] > 0).all() and (outputs[:, 5] < 0).all() and np.isfinite(outputs).all()


def test_numbers_are_found_in_their_own_units() -> None:
    g = draw(6)
    x = g.normal(size=(2 * N, WIDTH))
    y = np.stack([1000 + 50 * x[:, 0], 0.01 * x[:, 1], g.normal(size=2 * N)], 1).astype(np.float32)
    task = task_of("regression", ("a", "b", "c"))
    outputs = linear_outputs(task, x[:N], y[:N], x[N:])
    left = (outputs - y[N:]).std(0) / y[N:].std(0)
    assert left[0] < 0.01 and left[1] < 0.01 and left[2] == pytest.approx(1, abs=0.05)
    one = task_of("regression", ("a",))
    assert score(one, x, y[:, :1]) == pytest.approx(np.abs(outputs[:, :1] - y[N:, :1]).mean(), rel=0.5)


def test_a_class_that_was_not_seen_is_never_the_answer() -> None:
    x, y = classes(1.0)
    kept = y[:N] != 3
    outputs = linear_outputs(FIVE, x[:N][kept], y[:N][kept], x[N:])
    assert outputs.shape == (N, 5) and not (outputs.argmax(1) == 3).any() and np.isfinite(outputs).all()
    only = linear_outputs(FIVE, x[:N][y[:N] == 2], y[:N][y[:N] == 2], x[N:])
    assert (only.argmax(1) == 2).all()


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_vectors_that_are_all_the_same_give_a_guess(kind: str) -> None:
    task = task_of(kind, ("a", "b"))  # type: ignore[arg-type]
    g = draw(7)
    y = {
        "classification": (g.random(N) < 0.3).astype(np.int64),
        "multilabel": (g.random((N, 2)) < 0.3).astype(np.float32),
        "regression": g.normal(size=(N, 2)).astype(np.float32) + 4,
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs = linear_outputs(task, np.full((N, 6), 0.1), y, np.full((9, 6), 0.1))
    assert np.isfinite(outputs).all() and np.ptp(outputs, axis=0).max() < 1e-9
    if kind == "regression":
        assert outputs[0] == pytest.approx(y.mean(0), abs=1e-5)


def test_too_little_to_fit_on_gives_no_number() -> None:
    x, y = classes(1.0, n=N)
    assert math.isnan(linear_score(FIVE, (x[:9], y[:9]), (x, y)))
    assert math.isnan(linear_score(FIVE, (x, y), (x[:0], y[:0])))
