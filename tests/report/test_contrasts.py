"""Verdicts as records: planted differences between levels, and one set of numbers wherever they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.report import Report
from mmbench.report.values.verdicts import VerdictRecord
from tests.support.factory import Truth, make


@pytest.fixture(scope="module")
def whole() -> Report:
    return analyse(**make(seeds=5).arguments())


def records(report: Report, kind: str, dataset: str) -> list[VerdictRecord]:
    return [v for v in report.context.verdicts if v.kind == kind and v.dataset == dataset]


def test_every_two_levels_of_every_axis_are_compared(whole: Report) -> None:
    for dataset in whole.context.names:
        found = records(whole, "contrast", dataset)
        assert [v.axis for v in found] == ["attention"] * 3 + ["fusion"] * 3 + ["architecture"] * 3
        assert len({frozenset((v.subject, v.reference)) for v in found}) == 9
        assert all(v.estimate >= 0 and v.verdict != "worse" for v in found), "the better mean is the subject"
        assert all(v.low is not None and v.high is not None and v.low <= v.estimate <= v.high for v in found)


def test_planted_differences_are_found(whole: Report) -> None:
    (attention,) = (
        v
        for v in records(whole, "contrast", "synergy")
        if (v.subject, v.reference) == ("additive", "mean") and v.axis == "attention"
    )
    assert attention.verdict == "better" and attention.low is not None and attention.high is not None
    assert attention.low <= 0.064 + 0.005 and attention.high >= 0.064 - 0.005


def test_without_any_difference_levels_are_equal_or_open() -> None:
    """Nine cells and five seeds a level, noise of one point: TOST at a margin of one point finds most of them equal."""
    truth = Truth(base=0.7, single={"image": 0.7, "audio": 0.7}, linear=0.7, majority=0.25)
    found = records(analyse(**make(truths={"flat": truth}, seeds=5).arguments()), "contrast", "flat")
    assert {v.verdict for v in found} <= {"equal", "open"}
    assert sum(v.verdict == "equal" for v in found) >= 7


def test_combinations_are_those_of_the_table(whole: Report) -> None:
    for d in whole.context.datasets:
        found = {v.subject: v for v in records(whole, "combination", d.name)}
        assert found.keys() == {r.key for r in d.cells if not r.best}
        for row in d.cells:
            if not row.best:
                v = found[row.key]
                assert row.to_best and (v.verdict, v.reference) == (row.verdict, d.best)
                assert (v.estimate, v.p, v.decided_at) == (row.to_best.mean, row.to_best.p_holm, row.decided_at)
                assert (v.decided_at is None) or v.verdict == "open"


def test_the_best_is_held_against_the_controls(whole: Report) -> None:
    found = records(whole, "control", "synergy")
    row = whole.context.dataset("synergy").row(str(whole.context.dataset("synergy").best))
    gains = [g for g in (row.gain_single, row.gain_pooling, row.gain_linear, row.gain_majority) if g]
    assert [(v.reference, v.estimate, v.verdict) for v in found] == [(g.reference, g.mean, g.verdict) for g in gains]


def test_one_seed_gives_no_verdict() -> None:
    found = analyse(**make(seeds=1).arguments()).context.verdicts
    assert found and all(v.verdict is None and v.low is None and v.p is None for v in found)


def test_the_file_holds_the_same_records(whole: Report, tmp_path: Path) -> None:
    assert "verdicts.json" in export(whole, tmp_path)
    raw = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert raw["headline"] == whole.headline and raw["confidence"] == 0.95 and not raw["partial"]
    assert raw["verdicts"] == [v.plain() for v in whole.context.verdicts]
    assert all(v["metric"] == "accuracy" and v["margin"] == 0.01 and v["seeds"] == 5 for v in raw["verdicts"])
