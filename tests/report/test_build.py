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
from mmbench.schema.result import State
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
    assert row.rank_label == "1" and row.in_top
    assert row.ceiling_share == pytest.approx(row.score.mean / 0.92)
    assert answer(whole, "synergy").sentences[0].startswith(f"On synergy, use {BEST}: accuracy 0.8")


def test_cells_with_equal_truth_share_the_top(whole: Report) -> None:
    """On `redundant` the two attentions under `concat` and `independent` differ by 0.2 points."""
    redundant = whole.context.dataset("redundant")
    assert {f"{a} + concat · independent" for a in ("additive", "scaled_dot_product")} <= set(redundant.top)
    assert not any(k.startswith("mean") for k in redundant.top)
    shared = [redundant.row(k).rank_label for k in redundant.top]
    assert set(shared) == {f"1–{len(redundant.top)}"}


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


def test_a_carrier_that_is_as_good_as_any_cell_is_in_the_top_group() -> None:
    truth = Truth(base=0.8, single={"image": 0.1, "audio": 0.8, "text": 0.1})
    report = analysed(make(truths={"unique": truth}))
    found = report.context.dataset("unique")
    assert {s.name: s.holds for s in answer(report, "unique").statements}["carrier_on_top"] is True
    assert any("audio alone" in k for k in found.top_all)


def test_a_baseline_that_beats_every_cell_is_told() -> None:
    truth = Truth(base=0.6, single={"image": 0.5, "audio": 0.5}, linear=0.9)
    report = analysed(make(truths={"synergy": truth}))
    found = report.context.dataset("synergy")
    assert found.top_all == ("linear baseline",)
    sentences = answer(report, "synergy").sentences
    assert any(re.match(r"It loses .* points .* to the linear baseline\.$", text) for text in sentences)


def train_seconds(row: CellRow) -> float:
    return row.cost.train_seconds if row.cost and row.cost.train_seconds is not None else math.inf


def test_nobody_is_advised_to_take_a_cell_that_is_clearly_behind() -> None:
    """With three seeds a cell far behind can still be in the tie group, after the correction for many comparisons."""
    report = analysed(make(noise=0.02))
    for data in report.context.datasets:
        told = [text for text in answer(report, data.name).sentences if text.startswith("Where training time counts")]
        behind = [k for k in data.top if (d := data.row(k).to_best) and (d.high < 0 or d.mean < -2 * data.scale.rope)]
        assert not any(f"take {k}:" in text for k in behind for text in told)
    wide = analysed(make(noise=0.02)).context.dataset("unique")
    assert min((wide.row(k) for k in wide.top), key=train_seconds).to_best.high < 0, "the case is there"  # type: ignore[union-attr]


def test_the_answer_is_advice() -> None:
    """What to use, what could be used instead, what it gains at which price, and what to take where time counts."""
    whole = analysed(make(seeds=4))
    found = whole.context.dataset("redundant")
    best = found.row(str(found.best))
    others = [key for key in found.top if key != best.key]
    assert 1 < len(others) <= 5 and best.gain_single and best.cost
    use, instead, over_single, *_ = answer(whole, "redundant").sentences
    assert use.startswith(f"On {found.name}, use {best.key}: accuracy 0.9")
    assert use.endswith(f"; {len(others)} of the 26 other cells cannot be told apart from it.")
    assert instead.startswith("Those are ") and all(key in instead for key in others)
    single = found.row(best.gain_single.reference)
    assert single.cost and best.cost.train_seconds and single.cost.train_seconds
    times = best.cost.train_seconds / single.cost.train_seconds
    assert f"It gains {100 * best.gain_single.mean:.1f} points" in over_single
    assert over_single.endswith(f"at {times:.1f} times its training time.")
    (cheap,) = (text for text in answer(whole, "redundant").sentences if text.startswith("Where training time counts"))
    tied = [found.row(key) for key in found.top]
    near = [r for r in tied if r.best or (r.to_best and r.to_best.high >= 0 and r.to_best.mean >= -0.02)]
    taken = min(near, key=train_seconds)
    assert taken.to_best and best.cost and taken.cost
    assert f"take {taken.key}: {100 * taken.to_best.mean:.1f} points".replace("-", "−") in cheap
    assert len(whole.context.dataset("unique").top) > 6
    assert not any(text.startswith("Those are") for text in answer(whole, "unique").sentences), "too many to name"


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
    overall = asked["attention"].overall[0]
    assert overall.n == 3 and overall.half is not None and overall.half > (additive["unique"].half or 0)


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
    assert verdicts <= {"unclear", "equal"}
    assert found.headline.startswith("No clear winner on flat")


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
        ({"faults": dict.fromkeys(range(330), State.SKIPPED)}, "No results yet"),
        ({"faults": dict.fromkeys(range(60, 330), State.PENDING)}, "So far: "),
        ({"seeds": 1}, "No clear winner over 3 data sets: with one seed"),
        ({"truths": {"synergy": TRUTHS["synergy"]}}, "Additive + cross_attention · independent is best on synergy"),
        ({"controls": False}, "No clear winner: the best combination differs"),
        ({"noise": 0.0}, "No clear winner: the best combination differs"),
        (
            {
                "truths": {"synergy": TRUTHS["synergy"]},
                "levels": {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]},
                "controls": False,
            },
            "Mean + concat · shared is best on synergy",
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
    assert any(c.startswith("One seed") for c in found.caveats)
    assert {q.name: q.finding.startswith("One seed cannot tell") for q in found["questions"].found} == dict.fromkeys(
        ("attention", "fusion", "architecture", "multimodal"), True
    )
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
    assert any(c.startswith("Cells have about equally many parameters") for c in found.caveats)
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


def test_ties_that_are_only_noise_are_told() -> None:
    found = analysed(make(noise=0.02))
    for data in found.context.datasets:
        outside = [r.score.mean for r in data.cells if r.in_top is False and r.score]
        low = [r for r in data.cells if r.in_top and r.score and outside and r.score.mean < max(outside)]
        told = [text for text in found.caveats if text.startswith(f"{data.name}: ") and "top tie group" in text]
        assert len(told) == bool(low)
        assert not low or min(low, key=lambda r: r.score.mean if r.score else 1).key in told[0]
    (over_samples,) = (text for text in found.caveats if text.startswith("Intervals are over seeds"))
    best = next(r.score for r in found.context.dataset("unique").cells if r.best)
    assert best is not None
    half = 196 * (best.mean * (1 - best.mean) / 1000) ** 0.5
    assert f"±{half:.1f} points at {best.mean:.3f} on the 1,000 of unique" in over_samples
