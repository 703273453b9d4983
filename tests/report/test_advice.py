"""The headline and the sentence below it, of ledgers whose truth is planted: advice, true and short."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.schema.result import State
from tests.support.factory import Truth, make

ATTENTION = ("mean", "additive", "scaled_dot_product")
GAIN = {"additive": 0.05, "scaled_dot_product": 0.05}
WORDS = 34
"""Of a headline, at most."""


def truth(**parts: Any) -> Truth:
    """All alike but for what is given; every control is far behind."""
    plain: dict[str, Any] = {"base": 0.7, "single": {"image": 0.5, "audio": 0.4}, "linear": 0.4, "majority": 0.25}
    return Truth(**plain | parts)


def report(*truths: Truth, seeds: int = 4, noise: float = 0.003, **more: Any) -> Report:
    named = dict(zip(("flat", "other"), truths, strict=False))
    return analyse(**make(truths=named, seeds=seeds, noise=noise, **more).arguments())


EARLY = {(a, "early_concat", r): -0.04 for a, r in product(ATTENTION, ("shared", "independent"))}


def cases() -> Iterator[tuple[str, Report, str, str]]:
    """Name, report, headline, lead."""
    yield (
        "clear winner",
        report(truth(extra={("additive", "concat", "shared"): 0.1})),
        "Use additive + concatenation · shared: every other combination is worse.",
        "It is 9.8 points (± 0.5) better than the next, additive + early concatenation · shared.",
    )
    yield (
        "winner by axis",
        report(truth(attention=GAIN, architecture={"hybrid": 0.04})),
        "Use attention in a hybrid architecture. Which fusion you then choose hardly matters.",
        "Scaled dot-product attention scores 5.0 points more than mean pooling; a hybrid architecture scores 3.9 "
        "points more than shared weights and 4.0 more than independent weights. Choices of fusion differ by"
        " less than 0.1 points on average, which counts as equal.",
    )
    yield (
        "interaction",
        report(truth(architecture={"hybrid": 0.06}, extra=EARLY)),
        "Use a hybrid architecture. Which attention or fusion you then choose hardly matters.",
        "A hybrid architecture scores 7.2 points more than shared weights and 7.3 more than independent weights. "
        "Choices of attention differ by less than 0.1 points on average, which counts as equal. With a hybrid "
        "architecture, choices of fusion differ by less than 0.1 points, which counts as equal. "
        "With shared weights or independent weights, cross-attention scores 4.1 points more than early "
        "concatenation.",
    )
    yield (
        "all equal",
        report(truth()),
        "Any combination will do: all 27 are equal within ±1 point; take mean pooling + concatenation · shared, "
        "the smallest.",
        "All choices of attention, fusion or architecture differ by at most 0.1 points on average, which counts "
        "as equal.",
    )
    yield (
        "all open",
        report(truth(), seeds=2, noise=0.03),
        "Not decided yet: 27 of 27 combinations may be the best. More seeds would tell.",
        "The best combination scores 22.1 points more than the best modality alone.",
    )
    yield (
        "one modality suffices",
        report(truth(single={"image": 0.7, "audio": 0.4})),
        "One modality suffices on flat.",
        "All choices of attention, fusion or architecture differ by at most 0.1 points on average, which counts "
        "as equal.",
    )
    yield (
        "mostly failed",
        report(truth(attention=GAIN), faults={i: State.FAILED for i in range(1000) if i % 9}),
        "119 of 134 trials failed, so there is no result yet.",
        "",
    )
    yield (
        "one seed",
        report(truth(attention=GAIN), seeds=1),
        "No winner yet: one seed decides nothing (scaled dot-product + cross-attention · shared has the highest mean).",
        "",
    )
    yield (
        "one to avoid",
        report(truth(fusion={"early_concat": -0.05})),
        "Avoid early concatenation. Which attention or architecture you then choose hardly matters.",
        "Concatenation scores 5.0 points more than early concatenation. Choices of attention or "
        "architecture differ by at most 0.1 points on average, which counts as equal.",
    )
    yield (
        "no attention needed",
        report(truth(attention={"mean": 0.05})),
        "Use mean pooling in place of attention. Which fusion or architecture you then choose hardly matters.",
        "Mean pooling scores 5.0 points more than scaled dot-product attention and 5.0 more than additive "
        "attention. Choices of fusion or architecture differ by at most 0.1 points on average, which counts"
        " as equal.",
    )
    yield (
        "data sets that disagree",
        report(truth(architecture={"hybrid": 0.05}), truth(architecture={"shared": 0.05})),
        "Which attention or fusion you choose hardly matters. The best architecture depends on the data: hybrid "
        "on flat, shared weights on other.",
        "All choices of attention or fusion differ by at most 0.1 points on average, which counts as equal. On "
        "other, shared weights score 5.0 points more than a hybrid architecture. On flat, a hybrid architecture "
        "scores 4.9 points more than shared weights.",
    )
    yield (
        "equal on average, worse on one data set",
        report(truth(fusion={"early_concat": -0.014}), truth(), seeds=6, noise=0.002),
        "On average the choice of attention, fusion or architecture hardly matters.",
        "All choices of attention, fusion or architecture differ by at most 0.7 points on average, which counts as "
        "equal. On flat, cross-attention scores 1.4 points more than early concatenation.",
    )
    yield (
        "nothing learned",
        report(truth(base=0.25, single={"image": 0.25, "audio": 0.25}, linear=0.25)),
        "No combination does better than a guess on flat.",
        "",
    )
    yield (
        "an error, of which less is better",
        report(
            Truth(
                kind="regression",
                targets=("x",),
                base=8.0,
                attention={"additive": -1.0, "scaled_dot_product": -1.0},
                single={"image": 9.9, "text": 9.5},
                linear=9.9,
                majority=12.4,
                unit=10.0,
            )
        ),
        "Use attention. Which fusion or architecture you then choose hardly matters.",
        "Additive attention has 1.002 lower MAE than mean pooling. Choices of fusion or architecture differ"
        " by at most 0.014 of MAE on average, which counts as equal.",
    )


@pytest.mark.parametrize(("found", "headline", "lead"), [pytest.param(*c[1:], id=c[0]) for c in cases()])
def test_the_headline_is_advice(found: Report, headline: str, lead: str) -> None:
    assert found.headline == headline
    assert " ".join(found.lead) == lead
    assert len(found.headline.split()) <= WORDS


def test_one_level_that_beats_two_on_a_data_set_is_named_once() -> None:
    found = report(truth(fusion={"early_concat": -0.014, "cross_attention": -0.014}), truth(), seeds=6, noise=0.002)
    said = found.lead[-1]
    other = "(early concatenation|cross-attention)"
    assert re.fullmatch(
        rf"On flat, concatenation scores 1\.\d points more than {other} and 1\.\d more than {other}\.", said
    )


def test_what_is_not_decided_is_not_advised() -> None:
    found = analyse(**make(truths={"noisy": truth(attention=GAIN)}, seeds=2, noise=0.2).arguments())
    assert found.headline.startswith("Not decided yet: ")
    assert not any(p.recommended for s in found["first"].screens for p in s.picks)


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("datasets", [1, 2])
def test_where_all_is_equal_advice_is_wrong_as_rarely_as_it_says(datasets: int) -> None:
    """Of 200 reports without any difference, an axis has a leading level in at most one of twenty (and noise)."""
    wrong: Counter[str] = Counter()
    for i in range(200):
        truths = {f"null {datasets} {i} {k}": truth(base=0.5) for k in range(datasets)}
        context = analyse(**make(truths=truths, seeds=3, noise=0.05).arguments()).context
        wrong.update(a.axis for a in context.scopes[None].axes if a.state in ("leads", "prefers"))
    assert max(wrong.values(), default=0) <= 0.05 * 200 + 2 * (200 * 0.05 * 0.95) ** 0.5
