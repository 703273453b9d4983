"""Scores: against what they are by definition, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from mmbench.schema.metric import METRICS, fitting
from mmbench.schema.scores import better, scores
from mmbench.schema.task import MAIN, task_of

DRAW = np.random.default_rng(0)


def distributions(samples: int, classes: int) -> np.ndarray:
    return DRAW.dirichlet(np.ones(classes), samples)


def area(holds: np.ndarray, score: np.ndarray) -> float:
    """AUROC: the share of pairs in which the positive one has the higher score."""
    positive, negative = score[holds], score[~holds]
    pairs = np.sign(positive[:, None] - negative[None])
    return float((pairs + 1).mean() / 2)


def f1(truth: np.ndarray, guess: np.ndarray) -> float:
    hits = (truth & guess).sum()
    return 2 * hits / max(1, truth.sum() + guess.sum())


def test_classes() -> None:
    labels, p = np.arange(90) % 3, distributions(90, 3)
    found = scores(task_of("classification", "abc"), p, labels)
    guess = p.argmax(1)
    assert set(found) == set(fitting("classification"))
    assert found["accuracy"] == pytest.approx((guess == labels).mean())
    recall = [(guess == labels)[labels == c].mean() for c in range(3)]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recall))
    assert found["macro_f1"] == pytest.approx(np.mean([f1(labels == c, guess == c) for c in range(3)]))
    assert found["auroc"] == pytest.approx(np.mean([area(labels == c, p[:, c]) for c in range(3)]))
    assert found["loss"] == pytest.approx(-np.log(p[np.arange(90), labels]).mean())


def test_a_binary_task_has_a_positive_class() -> None:
    labels, p = (DRAW.random(80) < 0.3).astype(int), distributions(80, 2)
    found = scores(task_of("binary", ("no", "yes")), p, labels)
    assert set(found) == set(fitting("binary"))
    assert found["f1"] == pytest.approx(f1(labels == 1, p[:, 1] > 0.5))
    assert found["auroc"] == pytest.approx(area(labels == 1, p[:, 1]))
    order = np.argsort(-p[:, 1])
    precision = np.cumsum(labels[order]) / np.arange(1, 81)
    assert found["auprc"] == pytest.approx(precision[labels[order] == 1].mean())


def test_labels() -> None:
    labels, p = (DRAW.random((60, 4)) < 0.4).astype(int), DRAW.random((60, 4))
    found = scores(task_of("multilabel", "abcd"), p, labels)
    guess = p >= 0.5
    assert set(found) == set(fitting("multilabel"))
    assert found["accuracy"] == pytest.approx((guess == labels).all(1).mean())
    assert found["macro_f1"] == pytest.approx(np.mean([f1(labels[:, i] == 1, guess[:, i]) for i in range(4)]))
    assert found["micro_f1"] == pytest.approx(f1(labels.ravel() == 1, guess.ravel()))
    assert found["auroc"] == pytest.approx(np.mean([area(labels[:, i] == 1, p[:, i]) for i in range(4)]))
    assert found["loss"] == pytest.approx(-np.log(np.where(labels == 1, p, 1 - p)).mean())


def test_numbers() -> None:
    labels = DRAW.normal(size=(70, 2)).astype(np.float32)
    values = labels + DRAW.normal(size=(70, 2))
    found = scores(task_of("regression", ("x", "y")), values, labels)
    assert set(found) == set(fitting("regression"))
    assert found["mae"] == pytest.approx(np.abs(labels - values).mean())
    assert found["rmse"] == pytest.approx(np.mean(np.sqrt(((labels - values) ** 2).mean(0))))
    each = [np.corrcoef(labels[:, i], values[:, i])[0, 1] for i in range(2)]
    assert found["pearson"] == pytest.approx(np.mean(each))
    ranks = [np.corrcoef(rankdata(labels[:, i]), rankdata(values[:, i]))[0, 1] for i in range(2)]
    assert found["spearman"] == pytest.approx(np.mean(ranks))


def test_the_affect_set() -> None:
    labels = np.array([[-3.0], [-1.2], [0.0], [0.0], [0.4], [2.6]])
    values = np.array([[-2.6], [0.3], [-0.1], [0.2], [0.9], [1.4]])
    found = scores(task_of("regression", ("sentiment",), affect=True), values, labels)
    assert set(found) == set(fitting("regression", affect=True))
    # Rounded: -3 -1 0 0 0 3 against -3 0 0 0 1 1; clipped at 2: -2 -1 0 0 0 2 against -2 0 0 0 1 1.
    assert found["acc7"] == pytest.approx(3 / 6) == found["acc5"]
    # With zero as not negative: - - + + + + against - + - + + +.
    assert found["acc2_has0"] == pytest.approx(4 / 6)
    # Without zeros: - - + + against - + + +.
    assert found["acc2_non0"] == pytest.approx(3 / 4)
    assert found["f1_non0"] == pytest.approx((2 * (2 / 3) + 2 * (4 / 5)) / 4)


def test_what_these_samples_cannot_carry_is_left_out() -> None:
    one_class = scores(task_of("binary", ("no", "yes")), distributions(5, 2), np.zeros(5, int))
    assert {"auroc", "auprc"}.isdisjoint(one_class) and "accuracy" in one_class
    flat = scores(task_of("regression", ("x",)), np.zeros((5, 1)), np.ones((5, 1)))
    assert {"pearson", "spearman"}.isdisjoint(flat) and flat["mae"] == 1
    neutral = scores(task_of("regression", ("x",), affect=True), np.ones((5, 1)), np.zeros((5, 1)))
    assert "acc2_non0" not in neutral and neutral["acc7"] == 0


def test_a_constant_guess_orders_nothing() -> None:
    found = scores(task_of("regression", ("x",)), np.full((9, 1), 0.1), np.arange(9.0)[:, None])
    assert found["pearson"] == found["spearman"] == 0


def test_only_what_is_asked_for_is_computed() -> None:
    assert set(scores(task_of("classification", "ab"), distributions(9, 2), np.arange(9) % 2, ("accuracy",))) == {
        "accuracy"
    }


def test_every_kind_has_its_main_metric_and_directions_are_right() -> None:
    for kind, name in MAIN.items():
        assert name in fitting(kind)
    assert better("accuracy", 0.9, 0.8) and better("mae", 0.8, 0.9) and not better("mae", 0.8, 0.8)
    assert {name for name, m in METRICS.items() if not m.higher} == {"mae", "rmse", "loss"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "regression", "targets": ["x"], "metric": "acuracy"}, "'acuracy' is none of a regression task"),
        ({"kind": "classification", "targets": ["a", "b"], "metric": "macro_f"}, "did you mean 'macro_f1'"),
        ({"kind": "binary", "targets": ["a", "b", "c"]}, "a binary task has two classes, not 3"),
        ({"kind": "classification", "targets": ["a", "a"]}, "two targets have one name"),
        ({"kind": "regression", "targets": ["x", "y"], "affect": True}, "affect metrics are for one target"),
    ],
)
def test_a_task_that_cannot_be_is_told(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task_of(fields.pop("kind"), **fields)
