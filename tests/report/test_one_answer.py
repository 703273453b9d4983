"""One question has one answer, whichever section is asked: its estimate, its interval and its verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.draw import dots
from mmbench.report.export import verdicts_of
from mmbench.report.pages.report import Report
from mmbench.report.scores.agreement import agreement
from mmbench.report.sections.questions.compute import BEST_CELL
from mmbench.report.values.methods import POOLING
from mmbench.stats.estimates import Difference
from mmbench.tracking.row import contrast_rows
from tests.support.factory import TRUTHS, Truth, make

BORDERLINE = {
    "flat": Truth(
        base=0.7,
        attention={"additive": 0.012, "scaled_dot_product": 0.008},
        architecture={"hybrid": 0.01},
        single={"image": 0.69, "audio": 0.4},
        linear=0.4,
    ),
    "other": Truth(base=0.8, attention={"additive": 0.006}, single={"image": 0.79, "audio": 0.4}, linear=0.805),
}


@pytest.fixture(scope="module", params=range(8))
def report(request: pytest.FixtureRequest) -> Report:
    """Of differences that are hard to tell, so that every verdict depends on how many comparisons it allows for."""
    # Scores are drawn by the names of data sets.
    truths = {f"{name}{request.param}": truth for name, truth in BORDERLINE.items()}
    return analyse(**make(truths=truths, seeds=3, noise=0.008).arguments())


def answers(d: Difference) -> tuple[Any, ...]:
    """From the side of the better mean."""
    turned = {"better": "worse", "worse": "better"}
    verdict = turned.get(d.verdict, d.verdict) if d.mean < 0 else d.verdict
    sides = (d.subject, d.reference) if d.mean >= 0 else (d.reference, d.subject)
    assert d.half is not None
    return (*sides, pytest.approx(abs(d.mean)), pytest.approx(d.half), verdict)


def asked(report: Report) -> Iterator[tuple[str | None, str, Difference]]:
    """(data set or None for all, axis, difference) of all contrasts among the questions."""
    for question in report["questions"].found:
        if question.name in ("attention", "architecture"):
            for name, differences in (*question.per_dataset.items(), (None, question.overall)):
                yield from ((name, question.name, d) for d in differences)


def test_the_questions_have_the_verdicts_of_the_first_screen(report: Report) -> None:
    found = list(asked(report))
    assert len(found) == 3 * (2 + 3)
    for name, axis, d in found:
        (choices,) = (a for a in report.context.scopes[name].axes if a.axis == axis)
        choice = choices.pair(d.subject, d.reference)
        assert choice is not None
        assert answers(choice.found) == answers(d), (name, axis)


def test_what_several_modalities_gain_is_said_once(report: Report) -> None:
    (question,) = (q for q in report["questions"].found if q.name == "multimodal")
    for record in (v for v in report.context.verdicts if v.kind == "control" and v.reference.endswith("alone")):
        d = next(d for d in question.per_dataset[record.dataset] if d.subject == BEST_CELL)
        assert (d.mean, d.low, d.high) == pytest.approx((record.estimate, record.low, record.high))
        assert d.verdict == record.verdict


def test_a_pair_of_methods_has_one_verdict(report: Report) -> None:
    """The best against itself without attention stands among the controls and among the combinations."""
    twice = 0
    for d in report.context.datasets:
        found: dict[frozenset[str], list[Difference]] = {}
        for row in d.cells:
            for difference in (row.to_best, row.gain_pooling if row.best else None):
                if difference is not None:
                    found.setdefault(frozenset({difference.subject, difference.reference}), []).append(difference)
        twice += sum(len(same) > 1 for same in found.values())
        assert all(answers(x) == answers(same[0]) for same in found.values() for x in same)
    records: dict[tuple[str, frozenset[str]], set[Any]] = {}
    for v in report.context.verdicts:
        if v.kind != "contrast":
            told = {"better": v.subject, "worse": v.reference}.get(str(v.verdict), v.verdict)
            size = round(abs(v.estimate), 9), v.margin, v.seeds, v.decided_at, v.stands, v.near, told
            records.setdefault((v.dataset, frozenset({v.subject, v.reference})), set()).add(size)
    assert all(len(own) == 1 for own in records.values())
    assert twice > 0 or all(d.row(str(d.best)).method.attention == POOLING for d in report.context.datasets)


def test_contrasts_over_all_data_sets_are_those_of_the_first_screen_everywhere(report: Report) -> None:
    whole = json.loads(json.dumps(verdicts_of(report.context)))
    over_all = {(v["axis"], v["subject"], v["reference"]): v for v in whole["over_all"]}
    pairs = [(a.axis, c.found) for a in report.context.scopes[None].axes for c in a.pairs]
    assert len(over_all) == len(pairs) == 9
    rows = {row.key: row for row in contrast_rows(whole)}
    for axis, d in pairs:
        v = over_all[axis, d.subject, d.reference]
        assert (v["estimate"], v["low"], v["high"]) == pytest.approx((d.mean, d.low, d.high), abs=1e-8)
        assert (v["verdict"], v["dataset"]) == (d.verdict, "all data sets")
        row = rows[f"all data sets: {axis}: {' / '.join(sorted((d.subject, d.reference)))}"]
        assert row.metrics["estimate"] == pytest.approx(d.mean, rel=1e-4, abs=1e-9)
        assert row.tags["verdict"] == d.verdict


def test_the_scores_and_differences_of_the_picks_add_up(report: Report) -> None:
    """Whoever subtracts the scores finds the difference that stands beside them."""
    for screen in report["first"].screens:
        (best,) = (p for p in screen.picks if "Highest score" in p.labels)
        for pick in screen.picks:
            if pick is not best and pick.loss is not None:
                difference = pick.score.mean - best.score.mean
                assert pick.loss.mean == pytest.approx(difference, abs=1e-9), (screen.name, pick.labels)


def test_no_row_with_a_higher_mean_stands_below_a_lower_one(report: Report) -> None:
    """Controls among the combinations, whatever is known of any of them."""
    context = report.context
    assert any(row.verdict == "open" for d in context.datasets for row in d.cells)
    for d in context.datasets:
        means = [row.score.mean for row in d.rows if row.score is not None]
        assert means == sorted(means, reverse=True) and len(means) == len(d.rows)
    assert context.overall is not None
    means = [row.score.mean for row in context.overall.rows if row.score is not None]
    assert means == sorted(means, reverse=True)
    for table in report.tables:
        if table.name.startswith("cells_"):
            assert table.raw.score.dropna().is_monotonic_decreasing
    for name in context.names:
        told = [m["score"] for m in verdicts_of(context)["methods"] if m["dataset"] == name]
        assert told == sorted(told, reverse=True)


def test_the_best_without_attention_is_shown_whatever_the_order(report: Report) -> None:
    context = report.context
    assert context.overall is not None
    pooling = [r for r in context.overall.rows if r.method.attention == POOLING and r.score is not None]
    best = max(pooling, key=lambda r: r.score.mean if r.score else 0.0)
    turned = replace(context.overall, rows=tuple(reversed(context.overall.rows)))
    scales = {d.name: d.scale for d in context.datasets}
    shown = [row for row in dots.key_figure_overall(turned, scales).rows if row.note == "best without attention"]
    assert [row.key for row in shown] == [best.key]


def test_other_ways_to_average_say_whether_they_agree(report: Report) -> None:
    axes = report.context.scopes[None].axes
    firsts = {a.axis: a.levels[0] for a in axes}
    assert agreement(firsts, axes) == "they agree with the means"
    assert agreement({}, axes) == ""
    for name in ("ranks", "aggregates"):
        part = report[name]
        finding = part.finding if name == "ranks" else part.found.finding
        assert "agree with the means" in finding or "unlike the means" in finding


def test_another_order_is_told_where_the_means_are_sure_of_theirs() -> None:
    sure = analyse(**make(truths={n: TRUTHS[n] for n in ("redundant", "unique")}, seeds=5, noise=0.001).arguments())
    axes = sure.context.scopes[None].axes
    (attention,) = (a for a in axes if a.axis == "attention")
    assert attention.levels[0] == "additive" and attention.levels[-1] == POOLING
    said = agreement({"attention": POOLING}, axes)
    assert said == "unlike the means, they put first mean pooling, which is worse than additive attention by the mean"
