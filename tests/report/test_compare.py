"""What changed between two sets of results: planted changes are found, noise is not, nothing is hidden."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from mmbench.ledger.store import Ledger
from mmbench.report.compare import Comparison, compare, versions
from mmbench.report.trials import sources
from mmbench.report.trials.sources import Part
from mmbench.schema.budget import Budget, Rung, save_budget
from mmbench.schema.result import State, TrialResult
from tests.support.factory import OTHERS, TRUTHS, Made, Truth, make

BEST = "additive + cross_attention · independent"


def part(made: Made, name: str = "x", metrics: dict[str, str] | None = None) -> Part:
    told = {n: s.task.metric for n, s in made.specs.items()} if metrics is None else metrics
    return Part(name=name, kind="ledger", results=made.results, metrics=told)


def compared(old: Made, new: Made) -> Comparison:
    return compare(part(old, "old"), part(new, "new"), confidence=0.95, rope=0.01)


def rerun(made: Made, seed: int, noise: float = 0.01, shift: dict[str, float] | None = None) -> Made:
    """The same cells by other code: other ids, new noise, and for some methods another truth."""
    draw = np.random.default_rng(seed)
    found = {}
    for trial_id, r in made.results.items():
        config, value = r.config, r.metrics["test"]["accuracy"]
        if config.role != "baseline":
            value = float(np.clip(value + noise * draw.normal() + (shift or {}).get(config.cell, 0.0), 0, 1))
        changed = r.model_copy(
            update={
                "trial_id": trial_id[::-1],
                "metrics": r.metrics | {"test": r.metrics["test"] | {"accuracy": value}},
                "provenance": r.provenance.model_copy(update={"fingerprint": "f" * 16}),
            }
        )
        found[changed.trial_id] = changed
    return replace(made, results=found)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(truths={"synergy": TRUTHS["synergy"]})


def test_the_same_ledger_has_no_change(made: Made) -> None:
    found = compared(made, made)
    assert {c.kind for c in found.changes} == {"same"} and not found.facts and not found.turns and not found.notes
    assert found.finding == "None of 35 methods changed by more than noise, 35 the same"
    assert all(c.difference is None for c in found.changes)


def test_equal_scores_of_other_trials_are_equal(made: Made) -> None:
    found = compared(made, rerun(made, 0, noise=0.0))
    assert {c.kind for c in found.changes} == {"equal"}
    assert all(c.difference is None or (c.difference.mean == 0 and not c.real) for c in found.changes)
    assert [f.what for f in found.facts] == ["source code that the methods reach"]
    assert "differs for 35 of 35 methods" in found.facts[0].new


def test_a_planted_change_is_found_and_comes_first(made: Made) -> None:
    found = compared(made, rerun(made, 1, shift={BEST: -0.2, "mean + concat · shared": 0.12}))
    assert [c.method for c in found.changes[:2]] == [BEST, "mean + concat · shared"]
    assert [c.method for c in found.changes if c.real] == [BEST, "mean + concat · shared"]
    worse = found.changes[0].difference
    assert worse is not None and worse.verdict == "worse" and worse.n == 3 and worse.p_holm is not None
    assert worse.half is not None and worse.mean - worse.half < -0.2 < worse.mean + worse.half
    assert found.finding.startswith(
        "2 of 35 methods changed by more than noise (1 better, 1 worse), 31 changed within it"
    )


def test_a_change_within_the_margin_is_equal_also_where_it_is_real_and_what_reaches_past_it_is_open(made: Made) -> None:
    everywhere = {r.config.cell: 0.004 for r in made.results.values() if r.config.role != "baseline"}
    for c in compared(made, rerun(made, 6, noise=0.0002, shift=everywhere)).changes:
        if c.role != "baseline":
            d = c.difference
            assert d is not None and d.p_holm is not None and d.near is not None and d.half is not None
            assert d.p_holm < 0.05 and d.near < d.half and d.mean + d.near <= 0.01
            assert d.verdict == "equal" and not c.real
    noisy = [c.difference for c in compared(made, rerun(made, 6, noise=0.02)).changes]
    undecided = [d for d in noisy if d is not None and d.verdict == "open"]
    assert undecided and all(d.near is not None and abs(d.mean) + d.near > 0.01 for d in undecided)


def test_the_difference_is_the_mean_of_the_paired_seeds(made: Made) -> None:
    new = rerun(made, 2)
    rows = [
        (side, r.config.cell, r.config.seed, r.metrics["test"]["accuracy"])
        for side, m in (("old", made), ("new", new))
        for r in m.results.values()
    ]
    frame = pd.DataFrame(rows, columns=["side", "cell", "seed", "score"])
    wide = frame.pivot_table(index=["cell", "seed"], columns="side", values="score")
    means = (wide["new"] - wide["old"]).groupby("cell").mean()
    for change in compared(made, new).changes:
        assert change.difference is not None and change.old is not None and change.new is not None
        assert change.difference.mean == pytest.approx(means[change.method], abs=1e-12)
        assert change.new.mean - change.old.mean == pytest.approx(means[change.method], abs=1e-12)


def test_two_cells_have_the_plain_paired_t_test() -> None:
    """Too few cells to learn noise from: with one cell the test is SciPy's, to the last digits."""
    levels = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]}
    old = make(truths={"synergy": TRUTHS["synergy"]}, levels=levels, seeds=5, controls=False)
    new = rerun(old, 3)
    (change,) = compared(old, new).changes
    a, b = ([r.metrics["test"]["accuracy"] for r in sorted(m.results.values(), key=lambda r: r.config.seed)]
            for m in (old, new))  # fmt: skip
    oracle = scipy_stats.ttest_rel(b, a)
    assert change.difference is not None and change.difference.p == pytest.approx(oracle.pvalue, rel=1e-9)
    low, high = oracle.confidence_interval(0.95)
    assert change.difference.half == pytest.approx((high - low) / 2, rel=1e-9)


def test_noise_alone_is_seldom_called_a_change() -> None:
    levels = {"attention": ["mean", "a", "b"], "fusion": ["c", "d", "e"], "architecture": ["s", "t", "u"]}
    old = make(truths={"flat": Truth(base=0.7, single={"image": 0.7})}, levels=levels, controls=False)
    false = sum(any(c.real for c in compared(old, rerun(old, seed)).changes) for seed in range(60))
    assert false <= 8, "5 % expected; 8 of 60 has probability .01"


def test_intervals_cover_the_planted_shift() -> None:
    levels = {"attention": ["mean", "a", "b"], "fusion": ["c", "d", "e"], "architecture": ["s", "t", "u"]}
    old = make(truths={"flat": Truth(base=0.6, single={"image": 0.6})}, levels=levels, controls=False)
    shift = {r.config.cell: 0.05 for r in old.results.values()}
    inside = []
    for seed in range(40):
        for c in compared(old, rerun(old, seed, shift=shift)).changes:
            assert c.difference is not None and c.difference.half is not None
            inside.append(abs(c.difference.mean - 0.05) <= c.difference.half)
    assert 0.93 <= np.mean(inside) <= 0.985


def test_a_lower_error_is_better() -> None:
    old = make(truths={"mood": OTHERS["mood"]})
    new = make(truths={"mood": replace(OTHERS["mood"], base=0.80)})
    found = compared(old, new)
    cells = [c for c in found.changes if c.role == "cell"]
    assert found.scales["mood"].metric == "mae" and all(c.real and c.difference.verdict == "better" for c in cells)  # type: ignore[union-attr]
    assert all(c.new.mean < c.old.mean and c.difference.mean > 0 for c in cells)  # type: ignore[union-attr]


def test_a_baseline_that_moved_is_a_change(made: Made) -> None:
    new = make(truths={"synergy": replace(TRUTHS["synergy"], linear=0.6)})
    found = {c.method: c for c in compared(made, new).changes}
    linear = found["linear baseline"]
    assert linear.kind == "changed" and linear.real and linear.difference is not None
    assert linear.difference.half is None and linear.difference.p is None
    assert found["majority baseline"].kind == "same"


def test_one_seed_tells_nothing() -> None:
    old = make(truths={"synergy": TRUTHS["synergy"]}, seeds=1)
    found = compared(old, rerun(old, 4, shift={BEST: -0.3}))
    trained = [c for c in found.changes if c.role != "baseline"]
    assert all(not c.real and c.difference is not None and c.difference.half is None for c in trained)
    assert all(c.difference.near is None and c.difference.verdict == "open" for c in trained)  # type: ignore[union-attr]


def test_new_missing_broken_and_unpaired_are_told(made: Made) -> None:
    def of(r: TrialResult, method: str) -> bool:
        return r.config.cell == method

    broke = next(r for r in made.results.values() if of(r, BEST) and r.config.seed == 1)
    failed = broke.model_copy(update={"state": State.FAILED, "metrics": {}, "message": "CUDA error"})
    results = {k: r for k, r in made.results.items() if not of(r, "mean + concat · shared")} | {broke.trial_id: failed}
    results = {k: r for k, r in results.items() if not (of(r, "mean + concat · hybrid") and r.config.seed < 2)}
    old = {k: r for k, r in made.results.items() if not of(r, "additive + concat · hybrid")}
    old = {k: r for k, r in old.items() if not (of(r, "mean + concat · hybrid") and r.config.seed == 2)}
    found = compared(replace(made, results=old), replace(made, results=results))
    assert found.added == (("synergy", "additive + concat · hybrid"),)
    assert found.gone == (("synergy", "mean + concat · shared"),)
    assert [(t.name, t.old, t.new, t.message) for t in found.turns] == [
        (f"{BEST} · synergy · s1", "done", "failed", "CUDA error")
    ]
    kinds = {c.method: c.kind for c in found.changes}
    assert kinds["mean + concat · hybrid"] == "unpaired" and kinds[BEST] == "same"
    assert "no seed is done on both sides: mean + concat · hybrid on synergy" in found.notes
    assert found.finding.endswith("1 new, 1 missing")


def test_of_several_versions_the_newest_is_compared_whole(made: Made) -> None:
    later = {
        k: r.model_copy(update={"started": "2027-01-01T00:00:00+00:00"})
        for k, r in rerun(made, 5, shift={BEST: -0.2}).results.items()
        if r.config.seed < 2
    }
    both = replace(made, results=made.results | later)
    found = compared(made, both)
    change = next(c for c in found.changes if c.method == BEST)
    assert change.difference is not None and change.difference.n == 2, "seeds of different versions are not mixed"
    assert any(n.startswith("new holds several versions of 35 methods") for n in found.notes)


def test_trials_of_a_search_for_a_budget_are_not_compared(made: Made, tmp_path: Path) -> None:
    """Newer than those of the comparison, at half the length: the reference was tried so and not taken."""
    old = next(r for r in made.results.values() if r.config.cell == BEST and r.config.seed == 0)
    assert old.config.train is not None
    short = old.config.train.model_copy(update={"epochs": 1})
    config = old.config.model_copy(update={"train": short})
    values = {"trial_id": "f" * 16, "config": config, "started": "2030-01-01T00:00:00+00:00", "outputs": None}
    searched = old.model_copy(update=values)
    ledger = Ledger(tmp_path / "data" / "ledger")
    with ledger.lock():
        for r in (*made.results.values(), searched):
            ledger.write(r.model_copy(update={"outputs": None}))
    assert versions(sources.read(tmp_path))[1], "without the finding of the search nobody can know"
    nothing = dict.fromkeys(("score", "loss", "train_loss", "in_last"))
    rungs = tuple(
        Rung(reference=BEST, epochs=t.epochs, steps=9, learning_rate=t.learning_rate, seeds=1, **nothing)
        for t in (short, old.config.train)
    )
    own = {"epochs": old.config.train.epochs, "learning_rate": old.config.train.learning_rate, "steps": 9}
    said = {"key": "0" * 16, "metric": "accuracy", "settled": True, "gain": 0.0, "why": "", "rungs": rungs}
    found = Budget.model_validate({"dataset": old.config.dataset, **own, **said})
    save_budget(tmp_path / "data" / "budget", found)
    chosen, notes = versions(sources.read(tmp_path))
    assert notes == [] and chosen[old.config.dataset, BEST][0].trial_id == old.trial_id
    # Where params.yaml has since been set to what the search had tried, these are the comparison's own.
    later = searched.model_copy(update={"trial_id": "e" * 16, "config": config.model_copy(update={"seed": 1})})
    with ledger.lock():
        ledger.write(later)
    assert set(versions(sources.read(tmp_path))[0][old.config.dataset, BEST]) == {0, 1}


def test_what_differs_in_the_origin_is_told(made: Made) -> None:
    def other(r: TrialResult) -> TrialResult:
        train = r.config.train and r.config.train.model_copy(update={"epochs": 99})
        origin = r.provenance.model_copy(
            update={
                "data_hash": "d" * 64,
                "versions": r.provenance.versions | {"torch": "9.9"},
                "hardware": {"gpu": "H100"},
            }
        )
        return r.model_copy(update={"config": r.config.model_copy(update={"train": train}), "provenance": origin})

    found = compared(made, replace(made, results={k: other(r) for k, r in made.results.items()}))
    told = {f.what: (f.old, f.new) for f in found.facts}
    epochs = next(iter(made.results.values())).config.train
    assert told["train.epochs (33 methods)"] == (str(epochs and epochs.epochs), "99")
    assert told["torch"] == ("2.13.0", "9.9") and told["hardware"] == ("processor x86_64, cores 2", "gpu H100")
    assert told["data of synergy"][1] == "d" * 16 and "python" not in told


def test_sides_that_are_scored_differently_are_compared_by_one_metric(made: Made) -> None:
    found = compare(
        part(made, "old", {"synergy": "macro_f1"}),
        part(made, "new", {"synergy": "accuracy"}),
        confidence=0.95,
        rope=0.01,
    )
    assert found.scales["synergy"].metric == "accuracy"
    assert found.notes == ("synergy: macro-F1 in OLD and accuracy in NEW; compared by accuracy",)


def test_nothing_in_common_is_told(made: Made) -> None:
    other = make(truths={"unique": TRUTHS["unique"]})
    found = compared(made, other)
    assert found.finding.startswith("No method is on both sides") and len(found.gone) == 35 and not found.changes
    json.dumps(found.as_json(), allow_nan=False)


def test_seeds_that_one_side_lacks_are_told(made: Made) -> None:
    new = {k: r for k, r in made.results.items() if not (r.config.cell == BEST and r.config.seed == 2)}
    found = compared(made, replace(made, results=new))
    assert found.notes == (f"only the seeds that are done on both sides are compared: {BEST} on synergy",)
    only = {k: r for k, r in made.results.items() if r.config.seed == 0}
    other = {k: r for k, r in made.results.items() if r.config.seed == 1}
    assert (
        "33 not comparable (no seed is done on both sides)"
        in compared(replace(made, results=only), replace(made, results=other)).finding
    )


def test_a_main_metric_that_is_not_there_is_told(made: Made) -> None:
    lacking = {
        k: r.model_copy(
            update={"metrics": {s: {m: v for m, v in x.items() if m != "accuracy"} for s, x in r.metrics.items()}}
        )
        for k, r in made.results.items()
    }
    found = compared(made, replace(made, results=lacking))
    assert found.notes == ("synergy: not all trials that are done have the accuracy; compared by macro-F1",)
