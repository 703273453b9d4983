"""How scores read and compare, whatever their metric."""

from __future__ import annotations

import pytest

from mmbench.report.values.scale import RANKS, Scale, beside, joint, scale_of
from mmbench.report.values.words import change, gain
from mmbench.schema.task import task_of
from mmbench.stats.estimates import Difference

SHARE = scale_of("accuracy", 0.01, scores=[0.9], guess=0.1)
ERROR = scale_of("mae", 0.01, scores=[12.3, 11.0, 14.0], guess=20.0)
SMALL = scale_of("rmse", 0.01, scores=[0.00123], guess=0.002)
LARGE = scale_of("mae", 0.01, scores=[12345.6], guess=20000.0)
CORRELATION = scale_of("pearson", 0.01, scores=[0.7], guess=0.0)


def difference(mean: float, half: float | None = None) -> Difference:
    return Difference(
        subject="a", reference="b", mean=mean, half=half, near=half, pairs=1, n=3, p=None, p_holm=None, verdict="open"
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (SHARE.number(0.9124), "0.912"),
        (SHARE.number(None), "–"),
        (SHARE.number(float("nan")), "–"),
        (SHARE.short(0.9124), ".912"),
        (SHARE.short(1.0), "1.000"),
        (SHARE.plus_minus(0.0049), "±0.005"),
        (SHARE.plus_minus(None), "–"),
        (SHARE.change(0.108), "+10.8"),
        (SHARE.change(-0.108), "−10.8"),
        (SHARE.change(-0.0004), "0.0"),
        (SHARE.change(None), "–"),
        (SHARE.title, "accuracy ↑"),
        (ERROR.title, "MAE ↓"),
        (ERROR.number(12.3456), "12.35"),
        (ERROR.change(1.2), "+1.20"),
        (SMALL.number(0.0012345), "0.00123"),
        (LARGE.number(12345.6), "12,346"),
        (CORRELATION.number(-0.1), "−0.100"),
        (CORRELATION.change(0.02), "+0.020"),
        (RANKS.number(6.34), "6.3"),
        (change(difference(0.108, 0.012), SHARE), "+10.8 points (± 1.2)"),
        (change(difference(0.01), SHARE), "+1.0 point"),
        (change(difference(-3.0), RANKS), "−3.0 ranks"),
        (gain(difference(0.108, 0.012), SHARE), "+10.8 points (± 1.2)"),
        (gain(difference(1.5, 0.25), ERROR), "1.50 lower MAE (± 0.25)"),
        (gain(difference(-1.5), ERROR), "1.50 higher MAE"),
        (gain(difference(0.02), CORRELATION), "0.020 higher Pearson r"),
        (gain(difference(-0.02), CORRELATION), "0.020 lower Pearson r"),
        (gain(difference(1e-9), ERROR), "the same MAE"),
    ],
)
def test_numbers_read_by_their_scale(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize(
    ("scale", "rope", "words"),
    [
        (SHARE, 0.01, "±1 point"),
        (ERROR, 0.2, "±0.2"),
        (CORRELATION, 0.01, "±0.01"),
        (scale_of("mae", 0.01, scores=[], guess=None), 0.0, "±0"),
    ],
)
def test_what_counts_as_equal_follows_the_metric(scale: Scale, rope: float, words: str) -> None:
    assert scale.rope == pytest.approx(rope)
    assert scale.rope_words == words


def test_data_sets_have_a_common_scale_only_where_a_mean_says_something() -> None:
    assert joint({"a": SHARE, "b": SHARE})[0].metric == "accuracy"
    assert joint({"a": ERROR}) == (ERROR, None)
    scale, why = joint({"a": SHARE, "b": ERROR})
    assert scale is RANKS and "accuracy on a; MAE on b" in str(why)
    scale, why = joint({"a": ERROR, "b": ERROR})
    assert scale is RANKS and "own unit" in str(why)


def test_the_usual_metrics_stand_beside_the_one_compared() -> None:
    assert beside(task_of("classification", "ab"), "accuracy") == ("macro_f1",)
    assert beside(task_of("binary", "ab"), "auroc") == ("accuracy", "macro_f1")
    assert beside(task_of("multilabel", "ab"), "macro_f1") == ("micro_f1",)
    assert beside(task_of("regression", "a"), "mae") == ("rmse", "pearson")
    affect = beside(task_of("regression", "a", affect=True), "mae")
    assert affect[:2] == ("rmse", "pearson") and {"acc2_non0", "f1_has0", "acc5", "acc7"} < set(affect)


@pytest.mark.parametrize(("samples", "expected"), [(None, 0.01), (99, 0.0), (100, 0.01), (4000, 0.01)])
def test_nothing_is_equal_where_one_test_sample_outweighs_the_margin(samples: int | None, expected: float) -> None:
    assert scale_of("accuracy", 0.01, scores=[0.9], guess=0.1, samples=samples).rope == expected
    assert scale_of("mae", 0.01, scores=[9.0], guess=20.0, samples=samples).rope == pytest.approx(0.2)
