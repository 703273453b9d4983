"""What each choice is worth: over several data sets, and the same numbers as in every other place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from math import hypot

import numpy as np
import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as in_markdown
from mmbench.report.pages.report import Report
from mmbench.report.sections.first.record import Pick
from mmbench.schema.result import TrialResult
from tests.support.factory import TRUTHS, Truth, make


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {name: TRUTHS[name] for name in ("redundant", "unique")}
    return analyse(**make(truths=truths, seeds=4, noise=0.004).arguments())


def test_over_data_sets_it_is_the_mean_of_theirs_with_their_noise(report: Report) -> None:
    for axis in report.context.scopes[None].axes:
        for choice in axis.pairs:
            one, two = choice.each.values()
            assert choice.found.mean == pytest.approx((one.mean + two.mean) / 2) and choice.found.mean >= 0
            assert one.half is not None and two.half is not None
            assert choice.found.half == pytest.approx(hypot(one.half, two.half) / 2)
            assert 0 <= choice.won <= choice.won + choice.lost <= choice.settings == one.pairs + two.pairs


def test_on_a_data_set_it_is_the_contrast_of_all_other_places(report: Report) -> None:
    """One estimate with one interval and one verdict: verdicts.json, the page, Markdown, LaTeX."""
    page, markdown = render(report), in_markdown(report)
    (table,) = (t for t in report.tables if t.name == "choices")
    for record in (v for v in report.context.verdicts if v.kind == "contrast"):
        axis = next(a for a in report.context.scopes[record.dataset].axes if a.axis == record.axis)
        choice = axis.pair(record.subject, record.reference)
        assert choice is not None
        d = choice.found
        assert (d.subject, d.reference, d.verdict) == (record.subject, record.reference, record.verdict)
        assert (d.mean, d.low, d.high) == pytest.approx((record.estimate, record.low, record.high))
        raw = table.raw
        rows = raw[(raw.dataset == record.dataset) & (raw.subject == record.subject) & (raw.axis == record.axis)]
        (row,) = (r for r in rows.to_dict("records") if r["reference"] == record.reference and not r["given"])
        assert (row["mean"], row["verdict"]) == (pytest.approx(record.estimate), record.verdict)
        assert record.high is not None
        said = f"+{100 * record.estimate:.1f} points (± {100 * (record.high - record.estimate):.1f})"
        assert said.replace("+0.0", "0.0").replace("+1.0 points", "+1.0 point") in markdown
    for screen in report["first"].screens:
        for _, choices in screen.shown:
            for c in choices:
                assert c.found.half is not None
                value, half = screen.scale.change(c.found.mean), screen.scale.width(c.found.half)
                assert f'<b>{value}</b> <span class="muted">±{half}</span>' in page


def test_the_picks_are_the_best_of_their_kind(report: Report) -> None:
    """Highest score, without attention, smallest: as one finds them in results.parquet."""
    frame = report.context.frame
    cells = frame[(frame.role == "cell") & (frame.state == "done")]
    means = cells.groupby("method").test_accuracy.mean()
    pooled = cells[cells.attention == "mean"].groupby("method").test_accuracy.mean()
    by_label = {label: p for p in report["first"].screens[0].picks for label in p.labels}
    assert by_label["Highest score"].method.key == means.idxmax()
    assert by_label["Without attention"].method.key == pooled.idxmax()
    assert by_label["Without attention"].score is not None
    assert by_label["Without attention"].score.mean == pytest.approx(pooled.max())


def test_what_is_recommended_loses_no_more_than_the_margin_anywhere(report: Report) -> None:
    for screen in report["first"].screens:
        recommended = [p for p in screen.picks if p.recommended]
        assert len(recommended) <= 1
        for pick in recommended:
            for d in report.context.datasets:
                if screen.name in (None, d.name) and pick.method.role == "cell" and pick.loss is not None:
                    row = d.row(pick.method.key)
                    assert row.best or row.verdict == "equal"


def test_another_machine_picks_the_same_simplest() -> None:
    flat = Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.4, majority=0.3)
    arguments = make(truths={"flat": flat}, seeds=4, noise=0.002).arguments()
    draw = np.random.default_rng(3)
    factors: dict[str, float] = {}

    def timed(r: TrialResult) -> TrialResult:
        factor = factors.setdefault(r.config.cell, float(10 ** draw.uniform(-3, 3)))
        times = {q: float(v) * factor for q, v in r.quantities.items() if "_us_" in q or q.endswith("seconds")}
        return r.model_copy(update={"quantities": {**r.quantities, **times}})

    def simplest(results: Mapping[str, TrialResult]) -> str:
        picks = analyse(**(arguments | {"results": results}))["first"].screens[0].picks
        return next(p.method.key for p in picks if "Simplest near the top" in p.labels)

    results = arguments["results"]
    assert simplest({i: timed(r) for i, r in results.items()}) == simplest(results)


def test_a_command_repeats_the_pick() -> None:
    levels = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"]}
    flat = Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.69, majority=0.3)
    found = analyse(**make(truths={"my data": flat}, seeds=3, noise=0.002, levels=levels).arguments())
    commands = [p.command for p in found["first"].screens[0].picks]
    start = "mmbench run --dataset 'my data'"
    assert f"{start} --attention mean --fusion concat --architecture shared --save" in commands
    assert any(re.fullmatch(rf"{start} --baseline linear --save", c) for c in commands)


def test_levels_that_contradict_each_other_are_told_by_data_set() -> None:
    plain = {"single": {"image": 0.5, "audio": 0.4}, "linear": 0.4, "majority": 0.25}
    truths = {
        "a": Truth(base=0.7, fusion={"concat": 0.04}, **plain),
        "b": Truth(base=0.7, fusion={"early_concat": 0.04}, **plain),
    }
    context = analyse(**make(truths=truths, seeds=4, noise=0.003).arguments()).context
    (fusion,) = (a for a in context.scopes[None].axes if a.axis == "fusion")
    assert fusion.state == "differs" and fusion.by_dataset == {"a": "concat", "b": "early_concat"}


def picks_of(**flat: float) -> dict[str, Pick]:
    """Of a data set on which the choice of a combination is worth nothing."""
    levels = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"]}
    truth = Truth(base=0.7, single={"image": flat["image"], "audio": 0.4}, linear=flat["linear"], majority=0.3)
    found = analyse(**make(truths={"flat": truth}, seeds=4, noise=0.002, levels=levels).arguments())
    return {label: p for p in found["first"].screens[0].picks for label in p.labels}


def test_one_modality_that_suffices_stands_beside_a_better_control() -> None:
    found = picks_of(image=0.7, linear=0.71)
    assert found["One modality alone"].method.modality == "image"
    assert not found["One modality alone"].recommended
    assert found["Not a transformer"].recommended


def test_one_modality_that_does_not_suffice_is_no_choice() -> None:
    assert "One modality alone" not in picks_of(image=0.6, linear=0.71)


def test_one_modality_that_suffices_is_recommended_where_it_is_the_best_control() -> None:
    found = picks_of(image=0.7, linear=0.6)
    assert found["One modality alone"].recommended and "Not a transformer" not in found


def test_of_two_controls_that_do_as_well_the_one_that_the_answer_names_first_is_recommended() -> None:
    found = picks_of(image=0.7, linear=0.703)
    assert found["One modality alone"].recommended and not found["Not a transformer"].recommended


def test_limits_are_those_of_the_data_set_that_is_looked_at() -> None:
    good = {"single": {"image": 0.5, "audio": 0.4}, "linear": 0.4, "majority": 0.25}
    nothing = {"single": {"image": 0.25, "audio": 0.25}, "linear": 0.25, "majority": 0.25}
    truths = {"good": Truth(base=0.7, **good), "bad": Truth(base=0.25, **nothing)}
    found = analyse(**make(truths=truths, seeds=4, noise=0.003).arguments())
    bold = {s.name: [x.bold for x in s.limits] for s in found["first"].screens}
    said = "Not surely better than a guess on bad:"
    assert said in bold[None] and said in bold["bad"] and said not in bold["good"]
    assert "2 data sets:" in bold[None] and "1 data set:" in bold["good"]
    trials = {s.name: next(x.text for x in s.limits if "trials finished" in x.text) for s in found["first"].screens}
    assert len(set(trials.values())) == 2 and trials["good"] == trials["bad"]


def test_what_is_slow_at_inference_is_recommended_with_that() -> None:
    pick = replace(picks_of(image=0.7, linear=0.71)["Not a transformer"], costs={"inference_us": 8.31})
    assert pick.advice == "recommended; 8.3 times the inference"
    assert replace(pick, costs={"inference_us": 1.9}).advice == replace(pick, costs={}).advice == "recommended"
    assert replace(pick, recommended=False).advice == ""


def test_at_worst_is_told_from_the_best_of_that_data_set() -> None:
    """Of combinations and of controls alike."""
    plain = {"base": 0.7, "single": {"image": 0.5, "audio": 0.4}, "majority": 0.3}
    truths = {
        "a": Truth(linear=0.71, fusion={"concat": 0.03}, **plain),  # type: ignore[arg-type]
        "b": Truth(linear=0.72, fusion={"early_concat": 0.03}, **plain),  # type: ignore[arg-type]
    }
    report = analyse(**make(truths=truths, seeds=4, noise=0.003).arguments())
    found = [p for p in report["first"].screens[0].picks if p.worst is not None]
    assert {p.method.role == "cell" for p in found} == {True, False}
    for pick in found:
        assert pick.worst is not None
        name, lost = pick.worst
        d = report.context.dataset(name)
        if pick.method.role == "cell":
            expected = d.row(pick.method.key).to_best
            assert expected is None or lost.mean == expected.mean
        else:
            best = d.row(str(d.best))
            gains = [g for g in (best.gain_single, *best.gain_baselines.values()) if g is not None]
            (gain,) = {g.mean for g in gains if g.reference == pick.method.key}
            assert lost.mean == pytest.approx(-gain)


def test_where_the_choice_is_open_the_lead_says_what_fusing_gains() -> None:
    truth = Truth(base=0.8, single={"image": 0.4, "audio": 0.35}, linear=0.4, majority=0.3)
    found = analyse(**make(truths={"open": truth}, seeds=2, noise=0.03, levels=LEVELS).arguments())
    assert found.headline.startswith("Not decided yet")
    told = r"The best combination scores \d\d\.\d points more than the best modality alone\."
    assert re.fullmatch(told, found.lead[0])


LEVELS = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"]}
