"""Methods that are the same under other names: nothing is found between them, in scores, costs and times (A/A)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.scores import prices
from mmbench.report.scores.prices import is_cheaper
from mmbench.report.sections.answer.compute import answers
from mmbench.report.values.cells import CellCost, CellRow
from tests.support.factory import Truth, make

SETS = 40
ALIKE = {"attention": ["one", "two"], "fusion": ["concat", "other"], "architecture": ["independent", "same"]}
TRUTH = Truth(base=0.8, single={"image": 0.5, "audio": 0.4}, linear=0.4)


@pytest.fixture(scope="module")
def report() -> Report:
    """Forty data sets on which eight combinations are the same, in all but their names and noise."""
    truths = {f"alike_{i:02}": TRUTH for i in range(SETS)}
    made = make(truths=truths, seeds=4, noise=0.006, levels=ALIKE, families={"concat": "late", "other": "late"})
    return analyse(**made.arguments())


@pytest.mark.slow
def test_scores_that_differ_by_noise_alone_are_no_finding(report: Report) -> None:
    wrong = {d.name for d in report.context.datasets if any(r.verdict == "worse" for r in d.cells)}
    assert len(wrong) <= 7, "more than one in twenty, beyond luck"
    contrasts = [v for v in report.context.verdicts if v.kind == "contrast"]
    assert len(contrasts) == 3 * SETS
    assert sum(v.verdict in ("better", "worse") for v in contrasts) <= 14
    assert sum(v.verdict == "equal" for v in contrasts) > 2 * SETS
    assert not any(" is best" in d.finding for d in report.context.datasets)


@pytest.mark.slow
def test_times_that_differ_by_noise_alone_are_no_finding(report: Report) -> None:
    said = [text for found in answers(report.context).datasets for text in found.sentences]
    assert sum("Where training time counts" in text for text in said) <= 2
    assert sum("the cheapest to train" in text for text in said) <= 2
    assert sum("clearly cheaper to train" in text for text in said) >= SETS - 4
    of_time = [f.finding for d in report.context.datasets for f in d.fronts if f.cost == "train_seconds"]
    assert len(of_time) == SETS
    assert sum("instead of" in text and "alone" not in text for text in of_time) <= 2


def test_counted_costs_have_no_noise_and_times_do() -> None:
    made = make(seeds=4, noise=0.01)
    rows = analyse(**made.arguments()).context.datasets[0].cells
    cheap = next(r for r in rows if r.key == "mean + concat · shared")
    dear = next(r for r in rows if r.key == "additive + cross_attention · hybrid")
    for cost in ("parameters", "flops", "train_seconds", "inference_us"):
        assert is_cheaper(cheap, dear, cost) and not is_cheaper(dear, cheap, cost)


def _row(row: CellRow, seconds: float, error: float, parameters: float = 100.0) -> CellRow:
    cost = CellCost(
        parameters=parameters,
        flops=None,
        train_seconds=seconds,
        inference_us=None,
        peak_memory=None,
        errors={"train_seconds": error},
    )
    return replace(row, cost=cost)


@pytest.mark.parametrize(
    ("seconds", "error", "cheaper"),
    [(8.0, 0.001, True), (9.5, 0.001, False), (8.0, 0.1, False), (4.0, 0.1, True), (10.0, 0.001, False)],
)
def test_a_time_is_lower_where_it_is_so_beyond_noise_and_by_a_tenth(
    seconds: float, error: float, cheaper: bool
) -> None:
    row = analyse(**make(seeds=2).arguments()).context.datasets[0].cells[0]
    assert is_cheaper(_row(row, seconds, error), _row(row, 10.0, error), "train_seconds") is cheaper
    assert is_cheaper(_row(row, 1, 1, parameters=99), _row(row, 1, 1), "parameters")
    assert not is_cheaper(_row(row, 1, 1), _row(row, 1, 1), "flops"), "not known"


def test_the_noise_of_medians_is_that_between_trials_of_the_same_method() -> None:
    draw = np.random.default_rng(0)
    times = {f"m{i}": list(np.exp(i + draw.normal(0, 0.1, 5))) for i in range(40)}
    found = prices.errors(times)
    assert found["m0"] == pytest.approx(0.1 * 1.2533 / 5**0.5, rel=0.15)
    assert prices.errors({"a": [1.0], "b": [2.0]}) == {}
    assert prices.errors({"a": [1.0, 1.0], "b": []})["a"] == 0
