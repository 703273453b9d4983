"""The whole analysis on invented ledgers: planted truths are found, and nothing missing is hidden."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace

import pandas as pd
import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.report.values.cells import CellRow
from mmbench.report.values.methods import Method
from mmbench.schema.result import State
from mmbench.stats.estimates import Difference
from tests.support.factory import TRUTHS, Made, Truth, make
from tests.support.reports import answer

BEST = "additive + cross_attention · independent"
GRID = 39
"""Positions in the plan of one seed of the first data set: 27 cells, then 12 single modalities."""


def analysed(made: Made) -> Report:
    return analyse(**made.arguments())


@pytest.fixture(scope="module")
def whole() -> Report:
    return analysed(make())


def test_the_planted_best_cell_is_found_and_stands_alone(whole: Report) -> None:
    synergy = whole.context.dataset("synergy")
    assert synergy.best == BEST and synergy.top == (BEST,)
    row = synergy.row(BEST)
    assert row.score is not None and row.score.low <= 0.87 <= row.score.high
    assert row.rank_label == "1" and row.in_top and row.verdict == "better"
    assert row.ceiling_share == pytest.approx(row.score.mean / 0.92)
    assert answer(whole, "synergy").sentences[0].startswith(f"On synergy, use {BEST}: accuracy 0.8")


def test_of_cells_with_equal_truth_neither_is_called_worse(whole: Report) -> None:
    """On `redundant` the two attentions under `concat` and `independent` differ by 0.2 points."""
    redundant = whole.context.dataset("redundant")
    assert {f"{a} + concat · independent" for a in ("additive", "scaled_dot_product")} <= set(redundant.top)
    assert not any(k.startswith("mean") for k in redundant.top)
    places = [redundant.row(k) for k in redundant.top]
    assert all(r.rank and r.rank_low and r.rank_high and r.rank_low <= r.rank <= r.rank_high for r in places)
    first = [r for r in places if r.method.fusion == "concat" and r.method.architecture == "independent"]
    assert all(r.rank_low == 1 and (r.rank_high or 0) >= 2 for r in first), "either may be the first or the second"
    ranked = [r.rank for r in redundant.cells]
    assert ranked == sorted(ranked), "rows are in the order of their means"


def test_ranks_are_by_mean_and_the_range_of_each_holds_its_true_rank(whole: Report) -> None:
    for data in whole.context.datasets:
        means = [r.score.mean for r in data.cells if r.score]
        assert [r.rank for r in data.cells] == list(range(1, 28)) and means == sorted(means, reverse=True)
        truth = {r.key: planted(r.method, TRUTHS[data.name]) for r in data.cells}
        for row in data.cells:
            assert row.rank and row.rank_low and row.rank_high and row.rank_low <= row.rank <= row.rank_high
            ahead = sum(x > truth[row.key] + 1e-9 for x in truth.values())
            alike = sum(abs(x - truth[row.key]) <= 1e-9 for x in truth.values())
            assert row.rank_low <= ahead + alike and row.rank_high >= ahead + 1, row.key
            assert row.rank_label == f"{row.rank}" or row.rank_label == f"{row.rank} ({row.rank_low}–{row.rank_high})"


def planted(method: Method, truth: Truth) -> float:
    """The true mean of a cell."""
    levels = (str(method.attention), str(method.fusion), str(method.architecture))
    effects = (truth.attention, truth.fusion, truth.architecture)
    return truth.base + sum(e.get(lv, 0.0) for e, lv in zip(effects, levels, strict=True)) + truth.extra.get(levels, 0)


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_each_verdict_against_the_best_is_what_its_numbers_say(noise: float) -> None:
    found = analysed(make(noise=noise, seeds=4))
    seen = set()
    for data in found.context.datasets:
        rows = [r for r in data.cells if r.verdict is not None]
        best = data.row(str(data.best))
        alone = best.verdict == "better"
        assert len(rows) == 27 and alone == all(r.verdict == "worse" for r in rows if not r.best)
        assert data.top == tuple(r.key for r in rows if r.in_top) == tuple(r.key for r in rows if r.verdict != "worse")
        for row in rows:
            assert row.may_be_behind is not None
            assert (row.to_best is None) == row.best and (row.to_best is None or row.to_best.verdict == row.verdict)
            assert (row.decided_at is not None) <= (row.verdict == "open")
            if row.verdict in ("equal", "open"):
                assert (row.may_be_behind <= data.scale.rope) == (row.verdict == "equal")
            if row.verdict == "worse":
                assert row.to_best is not None and row.to_best.mean < 0 and row.to_best.p_holm is not None
                assert row.to_best.p_holm < 0.05 and row.may_be_behind > -row.to_best.mean
            if row.decided_at is not None:
                assert row.decided_at > 4
        seen |= {r.verdict for r in rows}
    assert seen == ({"better", "worse", "equal"} if noise == 0.002 else {"better", "worse", "open"})


def test_the_metrics_are_few_and_tell_the_same(whole: Report) -> None:
    told, found = whole.metrics, whole.context
    assert len(told) <= 12 and all(isinstance(v, int | float) for v in told.values())
    for data in found.datasets:
        assert told[f"{data.name}_accuracy"] == pytest.approx(
            max(r.score.mean for r in data.cells if r.score), abs=1e-6
        )
    assert told["open"] == sum(r.verdict == "open" for d in found.datasets for r in d.cells if not r.best)
    (axis,) = (a for a in found.scopes[None].axes if a.axis == "architecture")
    pair = axis.pair("hybrid", "shared")
    assert pair is not None
    sign = 1 if pair.found.subject == "hybrid" else -1
    assert told["hybrid_minus_shared"] == pytest.approx(sign * pair.found.mean, abs=1e-6)
    assert {"scaled_dot_product_minus_mean", "concat_minus_early_concat"} <= set(told)


def test_gains_have_the_planted_size(whole: Report) -> None:
    row = whole.context.dataset("synergy").row(BEST)
    for gain, truth in ((row.gain_single, 0.37), (row.gain_pooling, 0.10), (row.gain_linear, 0.37)):
        assert gain is not None and gain.half is not None
        assert gain.low <= truth + 0.005 and gain.high >= truth - 0.005
        assert gain.verdict == "better"
    assert row.gain_pooling is not None
    assert row.gain_pooling.reference == "mean + cross_attention · independent"
    assert row.to_best is None


def test_the_standing_statements() -> None:
    report = analysed(make(noise=0.005))
    said = {(d, s.name): s.holds for d in TRUTHS for s in answer(report, d).statements}
    assert said["synergy", "singles_at_chance"] is True
    assert said["redundant", "singles_at_chance"] is False
    assert said["unique", "carrier_on_top"] is False
    assert said["redundant", "ceiling"] is True
    assert said["synergy", "ceiling"] is False


def test_a_carrier_that_is_as_good_as_any_cell_is_not_worse_than_the_best() -> None:
    truth = Truth(base=0.8, single={"image": 0.1, "audio": 0.8, "text": 0.1})
    report = analysed(make(truths={"unique": truth}, noise=0.002))
    found = report.context.dataset("unique")
    assert {s.name: s.holds for s in answer(report, "unique").statements}["carrier_on_top"] is True
    assert any("audio alone" in k for k in found.top_all)


def test_a_baseline_that_beats_all_does_not_make_a_carrier_worse_than_the_best_combination() -> None:
    truth = Truth(base=0.8, single={"image": 0.1, "audio": 0.8, "text": 0.1}, linear=0.95)
    report = analysed(make(truths={"unique": truth}, noise=0.002))
    assert report.context.dataset("unique").top_all == ("linear baseline",)
    (said,) = [s for s in answer(report, "unique").statements if s.name == "carrier_on_top"]
    assert said.holds is True and said.text.startswith("Audio alone is as good as the best combination")


def test_a_baseline_that_beats_every_cell_is_told() -> None:
    truth = Truth(base=0.6, single={"image": 0.5, "audio": 0.5}, linear=0.9)
    report = analysed(make(truths={"synergy": truth}))
    found = report.context.dataset("synergy")
    assert found.top_all == ("linear baseline",)
    sentences = answer(report, "synergy").sentences
    assert any(re.match(r"It loses .* points .* to the linear baseline\.$", text) for text in sentences)


def train_seconds(row: CellRow) -> float:
    return row.cost.train_seconds if row.cost and row.cost.train_seconds is not None else math.inf


def _is_behind(d: Difference) -> bool:
    """Taken alone, not once corrected for all comparisons."""
    return d.mean < 0 and d.p is not None and d.p < 0.05


def test_nobody_is_advised_to_take_a_cell_that_is_clearly_behind() -> None:
    """With three seeds a cell far behind can still be open, after the correction for many comparisons."""
    report = analysed(make(noise=0.018))
    for data in report.context.datasets:
        told = [text for text in answer(report, data.name).sentences if text.startswith("Where training time counts")]
        behind = [
            k for k in data.top if (d := data.row(k).to_best) and (_is_behind(d) or d.mean < -2 * data.scale.rope)
        ]
        assert not any(f"take {k}:" in text for k in behind for text in told)
    wide = analysed(make(noise=0.018)).context.dataset("unique")
    cheapest = min((wide.row(k) for k in wide.top), key=train_seconds).to_best
    assert cheapest is not None and _is_behind(cheapest), "the case is there"


def test_where_time_counts_the_cheapest_that_is_equal_is_advised() -> None:
    """Equal: so the lower end of what it may lose is within the margin."""
    truth = Truth(base=0.7, single={"image": 0.5, "audio": 0.4}, linear=0.4, majority=0.25)
    report = analysed(make(truths={"flat": truth}, seeds=4, noise=0.003))
    found = report.context.dataset("flat")
    (cheap,) = (text for text in answer(report, "flat").sentences if text.startswith("Where training time counts"))
    taken = min((r for r in found.cells if r.verdict == "equal"), key=train_seconds)
    assert taken.to_best and train_seconds(taken) < train_seconds(found.row(str(found.best)))
    assert f"take {taken.key}: " in cheap and "equal within ±1 point" in cheap


def test_the_answer_is_advice() -> None:
    """What to use, what could be used instead, what it gains at which price, and what to take where time counts."""
    whole = analysed(make(seeds=4))
    found = whole.context.dataset("redundant")
    best = found.row(str(found.best))
    others = [key for key in found.top if key != best.key]
    assert 1 < len(others) <= 5 and best.gain_single and best.cost
    use, *instead = answer(whole, "redundant").sentences
    (over_single,) = (text for text in instead if "the best single modality" in text)
    assert use.startswith(f"On {found.name}, use {best.key}: accuracy 0.9")
    verdicts = {key: found.row(key).verdict for key in others}
    assert set(verdicts.values()) <= {"equal", "open"}
    worse = 26 - len(others)
    assert "; of the other 26 combinations, " in use and f"{worse} are worse." in use
    for verdict, words in (("equal", "Equal to it: "), ("open", "Open: ")):
        some = [key for key, v in verdicts.items() if v == verdict]
        said = [text for text in instead if text.startswith(words)]
        assert len(said) == bool(some) and all(key in said[0] for key in some)
    single = found.row(best.gain_single.reference)
    assert single.cost and best.cost.train_seconds and single.cost.train_seconds
    times = best.cost.train_seconds / single.cost.train_seconds
    assert f"It gains {100 * best.gain_single.mean:.1f} points" in over_single
    assert over_single.endswith(f"at {times:.1f} times its training time.")
    assert "equal" not in verdicts.values() and not any("training time counts" in text for text in instead), "open: no"
    assert len(whole.context.dataset("unique").top) > 6
    assert not any(text.startswith("Open:") for text in answer(whole, "unique").sentences), "too many to name"


def test_what_is_equal_to_the_best_is_named_apart_from_what_is_open() -> None:
    report = analysed(make(seeds=5, noise=0.0075))
    found = report.context.dataset("unique")
    by_verdict = {v: [r.key for r in found.cells if r.verdict == v and not r.best] for v in ("equal", "open", "worse")}
    assert all(by_verdict.values()), "each is there"
    use, equal, undecided, *_ = answer(report, "unique").sentences
    e, o, w = (len(keys) for keys in by_verdict.values())
    assert use.endswith(
        f"; of the other 26 combinations, {e} are equal within ±1 point, {o} are open and {w} are worse."
    )
    for text, start, keys in ((equal, "Equal to it: ", by_verdict["equal"]), (undecided, "Open: ", by_verdict["open"])):
        assert text.startswith(start) and all(key in text for key in keys)


def test_a_gain_that_is_clear_taken_alone_but_not_among_all_cells_is_told_as_that() -> None:
    found = analysed(make(noise=0.018))
    gain = found.context.dataset("unique").row(str(found.context.dataset("unique").best)).gain_single
    assert gain is not None and gain.half is not None and gain.mean > gain.half and gain.verdict == "open"
    (said,) = (text for text in answer(found, "unique").sentences if "the best single modality" in text)
    assert "significant alone, not after correction for all combinations (p = " in said
    assert said.endswith(" seeds would decide.")


def test_of_the_best_without_attention_as_many_seeds_would_decide_as_of_that_combination() -> None:
    found = analysed(make(noise=0.018))
    d = found.context.dataset("unique")
    gain = d.row(str(d.best)).gain_pooling
    assert gain is not None and gain.verdict == "open"
    other = d.row(gain.reference)
    assert other.to_best is not None and (other.to_best.mean, other.to_best.half) == (-gain.mean, gain.half)
    (said,) = (text for text in answer(found, "unique").sentences if "pooling in place of attention" in text)
    assert other.decided_at is not None and said.endswith(f"; about {other.decided_at} seeds would decide.")


def test_how_many_seeds_would_decide_is_said_and_is_about_right() -> None:
    """On three seeds it is open whether the best cell of `unique` is better than the best modality alone."""
    needed = 0
    for text in answer(analysed(make(noise=0.02)), "unique").sentences:
        if match := re.search(r"best single modality .* is open: .*; about (\d+) seeds would decide\.$", text):
            needed = int(match[1])
    assert 3 < needed <= 100
    found = analysed(make(noise=0.02, seeds=2 * needed, truths={"unique": TRUTHS["unique"]})).context.dataset("unique")
    gain = found.row(str(found.best)).gain_single
    assert gain is not None and gain.verdict != "open"


def test_the_articles_questions_find_the_planted_differences(whole: Report) -> None:
    asked = {q.name: q for q in whole["questions"].found}
    assert list(asked) == ["attention", "fusion", "architecture", "multimodal"]
    additive = {n: d for n, ds in asked["attention"].per_dataset.items() for d in ds if d.subject == "additive"}
    for name, truth in (("redundant", 0.03), ("unique", 0.05), ("synergy", 0.064)):
        found = additive[name]
        assert found.verdict == "better" and found.pairs == 9 and found.n == 3
        assert found.mean == pytest.approx(truth, abs=2 * (found.half or 0))
    assert asked["attention"].finding.startswith("Attention beats pooling on every data set")
    fusion = {(d.subject, d.reference): d.verdict for d in asked["fusion"].per_dataset["synergy"]}
    assert fusion["intermediate", "early"] == "better"
    overall = next(d for d in asked["attention"].overall if d.subject == "additive")
    halves = [d.half or 0 for d in additive.values()]
    assert overall.mean == pytest.approx(sum(d.mean for d in additive.values()) / 3)
    assert overall.half == pytest.approx(sum(h * h for h in halves) ** 0.5 / 3)
    assert asked["multimodal"].overall == (), "what it gains differs by design"


def test_nothing_is_found_where_nothing_is_planted() -> None:
    truth = Truth(base=0.7, single={"image": 0.7, "audio": 0.7}, linear=0.7, majority=0.7)
    found = analysed(make(truths={"flat": truth}))
    verdicts = {
        d.verdict
        for q in found["questions"].found
        for ds in q.per_dataset.values()
        for d in ds
        if "best" not in d.subject
    }
    assert verdicts <= {"open", "equal"}
    assert found.headline == "It is open whether any combination does better than a guess on flat."


FAULTS = {
    0: State.FAILED,
    1: State.DIVERGED,
    2: State.TIMEOUT,
    3: State.OUT_OF_MEMORY,
    4: State.SKIPPED,
    5: State.PENDING,
    6: State.FAILED,
    6 + GRID: State.FAILED,
    6 + 2 * GRID: State.FAILED,
}


def test_every_state_is_counted_told_and_never_averaged_over() -> None:
    made = make(faults=FAULTS)
    found = analysed(made)
    total = found.context.total
    assert (total.failed, total.diverged, total.timeout, total.out_of_memory) == (4, 1, 1, 1)
    assert (total.skipped, total.pending, total.declared) == (1, 1, 330)
    assert total.done + total.bad + total.skipped + total.pending == total.declared
    assert [sum(getattr(c, s) for c in found.context.coverage[1:]) for s in ("declared", "done")] == [330, total.done]
    assert len(found.context.problems) == total.bad + total.skipped
    assert {p.state for p in found.context.problems} >= {"failed", "diverged", "timeout", "out_of_memory", "skipped"}
    assert all(p.message for p in found.context.problems)
    rows = {r.key: r for r in found.context.dataset("redundant").cells}
    partial = [r for r in rows.values() if r.state == "partial"]
    assert len(partial) == 6
    for row in partial:
        assert row.score is not None and row.score.n == 2
        assert row.rank is None and row.in_top is None and row.to_best is None and row.reason
    (failed,) = [r for r in rows.values() if r.state == "failed"]
    assert failed.score is None and failed.ceiling_share is None and failed.reason
    assert found.context.overall is not None
    gaps = {r.key for r in found.context.overall.rows if r.score is None}
    assert gaps == {r.key for r in (*partial, failed)}
    assert all(r.missing == ("redundant",) for r in found.context.overall.rows if r.score is None)
    assert found.context.partial and found.headline.startswith("So far: ")
    assert any("left out" in x for x in found.context.effects.per_dataset[0].dropped)


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ({"faults": dict.fromkeys(range(330), State.PENDING)}, "No results yet: 0 of 330"),
        ({"faults": dict.fromkeys(range(330), State.FAILED)}, "No results yet"),
        ({"faults": dict.fromkeys(range(330), State.SKIPPED)}, "No results: every trial is impossible; Coverage"),
        ({"faults": dict.fromkeys(range(60, 330), State.PENDING)}, "So far: "),
        ({"seeds": 1}, "No winner yet: one seed decides nothing (additive + cross-attention · independent has"),
        (
            {"truths": {"synergy": TRUTHS["synergy"]}},
            "Use additive + cross-attention · independent: every other combination is worse.",
        ),
        (
            {"controls": False},
            "Use additive attention and independent weights rather than a hybrid architecture. The best",
        ),
        ({"noise": 0.0}, "Use "),
        (
            {
                "truths": {"synergy": TRUTHS["synergy"]},
                "levels": {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]},
                "controls": False,
            },
            "Only mean pooling + concatenation · shared is complete: there is nothing to compare it with.",
        ),
    ],
)
def test_whatever_the_ledger_holds_there_is_a_report(change: dict[str, object], headline: str) -> None:
    found = analysed(make(**change))  # type: ignore[arg-type]
    assert found.headline.startswith(headline)
    json.dumps(found.as_json(), allow_nan=False)


def test_one_seed_has_no_intervals(whole: Report) -> None:
    found = analysed(make(seeds=1))
    rows = [r for d in found.context.datasets for r in d.rows]
    assert all(r.score is None or r.score.half is None for r in rows)
    assert all(r.in_top is None for r in rows) and all(d.top == () for d in found.context.datasets)
    assert all(r.verdict is None and r.may_be_behind is None and r.decided_at is None for r in rows)
    assert any(c.startswith("One seed") for c in found.caveats)
    assert {
        q.name: q.finding.startswith("One seed does not decide") for q in found["questions"].found
    } == dict.fromkeys(("attention", "fusion", "architecture", "multimodal"), True)
    assert any(c.startswith("3 seeds") for c in whole.caveats)
    assert any("0.25" in c for c in whole.caveats), "the smallest p that three data sets can reach is named"


def test_the_order_of_the_ledger_does_not_matter() -> None:
    made = make()
    shuffled = list(made.results.items())
    random.Random(0).shuffle(shuffled)
    other = replace(made, results=dict(shuffled))
    assert analysed(made).as_json() == analysed(other).as_json()


def test_trials_that_a_gpu_does_not_repeat_are_told(whole: Report) -> None:
    made = make()
    some = [i for i, r in made.results.items() if r.config.attention is not None][:3]
    marked = {i: made.results[i].model_copy(update={"unrepeatable": "cumsum_cuda_kernel"}) for i in some}
    found = analysed(replace(made, results={**made.results, **marked}))
    told = [c for c in found.caveats if "does not repeat" in c]
    assert len(told) == 1 and told[0].startswith("3 trials used cumsum_cuda_kernel, which the GPU")
    assert not any("does not repeat" in c for c in whole.caveats)


def test_results_outside_the_plan_are_left_out() -> None:
    made = make()
    fewer = replace(made, plan=replace(made.plan, jobs=made.plan.jobs[:50]))
    assert analysed(fewer).context.total.declared == 50
    assert analysed(fewer).context.provenance.hours < analysed(made).context.provenance.hours


def test_every_number_traces_to_trials(whole: Report) -> None:
    frame = whole.context.frame.set_index("trial_id")
    assert len(frame) == 330 and frame.index.is_unique
    for d in whole.context.datasets:
        for row in d.rows:
            assert row.score is not None
            assert frame.loc[list(row.trial_ids), "test_accuracy"].mean() == pytest.approx(row.score.mean)
    assert {"fusion_family", "peak_memory", "inference_us_per_sample"} <= set(frame.columns)
    assert set(frame["fusion_family"].dropna()) == {"early", "intermediate", "late (features)"}


def test_the_front_is_not_dominated(whole: Report) -> None:
    for d in whole.context.datasets:
        for front in d.fronts:
            points = [(getattr(d.row(k).cost, front.cost), d.row(k).score.mean) for k in front.keys]  # type: ignore[union-attr]
            assert points == sorted(points)
            assert [s for _, s in points] == sorted(s for _, s in points)
            for row in (*d.cells, *(r for r in d.controls if r.method.role == "single")):
                cost, score = getattr(row.cost, front.cost), row.score.mean  # type: ignore[union-attr]
                assert not any(cost < c and score >= s for c, s in points)
                assert (front.cost in row.pareto) == (row.key in front.keys)


def test_learning_curves_are_there_for_cells_and_levels(whole: Report) -> None:
    kinds = pd.Series([c.kind for c in whole.context.curves if c.dataset == "synergy"]).value_counts().to_dict()
    assert kinds == {"cell": 27, "single": 6, "attention": 3, "fusion": 3, "architecture": 3}
    level = next(c for c in whole.context.curves if c.kind == "attention")
    assert level.runs == 27 and len(level.median) == 10
    assert all(a <= b <= c for a, b, c in zip(level.low, level.median, level.high, strict=True))  # type: ignore[operator]


@pytest.mark.exhaustive
def test_ten_thousand_trials() -> None:
    levels = {
        "attention": ["mean", *(f"a{i}" for i in range(16))],
        "fusion": [f"f{i}" for i in range(17)],
        "architecture": [f"r{i}" for i in range(6)],
    }
    made = make(
        truths={"synergy": TRUTHS["synergy"], "other": TRUTHS["synergy"]}, levels=levels, faults={9: State.FAILED}
    )
    assert len(made.plan.jobs) > 10_000
    found = analysed(made)
    assert found.context.total.failed == 1


def test_the_report_says_whether_parameters_were_matched(whole: Report) -> None:
    assert any("their numbers of parameters differ" in c for c in whole.caveats)
    made = make(seeds=1)
    size = made.params.model.model_copy(update={"match_params": True})
    found = analysed(replace(made, params=made.params.model_copy(update={"model": size})))
    assert any(c.startswith("Combinations have about equally many parameters") for c in found.caveats)
    assert not any("their numbers of parameters differ" in c for c in found.caveats)
    assert found.context.provenance.budget["width"] == "32 before parameters were matched"


def test_nothing_is_said_of_the_best_modality_while_one_has_not_run() -> None:
    """The one that is missing may be the best, and then several modalities would beat nothing."""
    whole = make()
    kept = {
        k: r for k, r in whole.results.items() if not (r.config.role == "single" and r.config.modalities == ("audio",))
    }
    found = analysed(replace(whole, results=kept))
    for data in found.context.datasets:
        assert all(row.gain_single is None for row in data.cells)
        assert not any("best single modality" in text for text in answer(found, data.name).sentences)
    (question,) = (q for q in found["questions"].found if "single" in q.title)
    assert not any(question.per_dataset.values())
    assert any("a modality has no complete trial on its own" in text for text in question.dropped)
    some = {k: r for k, r in whole.results.items() if not (r.config.role == "single" and "mean" in r.config.name)}
    (question,) = (q for q in analysed(replace(whole, results=some))["questions"].found if "single" in q.title)
    assert any("one of them could be the best" in text for text in question.dropped)


def test_cells_that_are_open_for_their_noise_alone_are_told() -> None:
    found = analysed(make(noise=0.02))
    for data in found.context.datasets:
        outside = [r.score.mean for r in data.cells if r.in_top is False and r.score]
        low = [r for r in data.cells if r.verdict == "open" and r.score and outside and r.score.mean < max(outside)]
        own = [text for text in found.caveats if text.startswith(f"{data.name}: ")]
        told = [text for text in own if "does not mean that they are as good" in text]
        assert len(told) == bool(low)
        assert not low or min(low, key=lambda r: r.score.mean if r.score else 1).key in told[0]
    (over_samples,) = (text for text in found.caveats if text.startswith("Intervals show the variation over seeds"))
    best = next(r.score for r in found.context.dataset("unique").cells if r.best)
    assert best is not None
    half = 196 * (best.mean * (1 - best.mean) / 1000) ** 0.5
    assert f"±{half:.1f} points at {best.mean:.3f} on the 1,000 of unique" in over_samples
