"""Reports of every type of task: errors of which less is better, labels, scores that cannot be averaged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmbench.errors import UserError
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.schema.result import State
from tests.support.factory import OTHERS, TRUTHS, Made, Truth, make
from tests.support.reports import answer

from .test_build import BEST, analysed
from .test_page import embedded

MIXED = {"synergy": TRUTHS["synergy"], **OTHERS}


@pytest.fixture(scope="module")
def mixed() -> Report:
    return analysed(make(truths=MIXED))


@pytest.fixture(scope="module")
def page(mixed: Report) -> str:
    return render(mixed)


def text_of(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL))


def test_the_cell_with_the_planted_lowest_error_is_best_and_stands_alone(mixed: Report) -> None:
    rating = mixed.context.dataset("rating")
    assert rating.scale.metric == "mae" and not rating.scale.higher
    assert rating.best == rating.chosen == BEST and rating.top == (BEST,)
    means = [r.score.mean for r in rating.cells if r.score]
    assert means[0] == min(means)
    assert rating.row(BEST).rank_label == "1" and rating.row(BEST).ceiling_share is None
    assert answer(mixed, "rating").sentences[0].startswith(f"On rating, use {BEST}: MAE 6.5")
    controls = [r.score.mean for r in rating.controls if r.score]
    assert controls == sorted(controls), "controls are in order, the best first"


def test_a_gain_is_positive_where_the_error_is_lower(mixed: Report) -> None:
    row = mixed.context.dataset("rating").row(BEST)
    for gain, truth in ((row.gain_single, 3.0), (row.gain_pooling, 1.3), (row.gain_linear, 2.5)):
        assert gain is not None and gain.half is not None and gain.verdict == "better"
        assert gain.mean == pytest.approx(truth, abs=0.3)
    worst = mixed.context.dataset("rating").cells[-1]
    assert worst.to_best is not None and worst.to_best.mean < 0 and worst.to_best.verdict == "worse"
    assert any(
        "lower MAE" in s and s.endswith("than the linear baseline: better.") for s in answer(mixed, "rating").sentences
    )


def test_questions_and_effects_go_the_same_way_for_errors(mixed: Report) -> None:
    asked = {q.name: q for q in mixed["questions"].found}
    found = {d.subject: d for d in asked["attention"].per_dataset["rating"]}
    assert found["additive"].verdict == "better" and found["additive"].mean == pytest.approx(0.6, abs=0.1)
    assert next(iter(found)) == "additive", "the best first"
    assert asked["multimodal"].per_dataset["rating"][0].verdict == "better"
    alone = analysed(make(truths={"rating": OTHERS["rating"]}))
    assert [f.by_score[0] for f in alone.context.factors[:2]] == ["additive", "cross_attention"]
    means = {m.level: m.score.mean for m in alone.context.effects.per_dataset[0].means}
    assert means["additive"] < means["mean"] and 7 < means["additive"] < 8
    assert "by up to 0.5" in asked_of(alone)["attention"].finding and "of MAE" in asked_of(alone)["attention"].finding


def asked_of(analysis: Report) -> dict[str, object]:
    return {q.name: q for q in analysis["questions"].found}


def test_the_front_of_an_error_runs_down(mixed: Report) -> None:
    rating = mixed.context.dataset("rating")
    assert rating.fronts
    for front in rating.fronts:
        points = [(getattr(rating.row(k).cost, front.cost), rating.row(k).score.mean) for k in front.keys]
        assert points == sorted(points)
        assert [s for _, s in points] == sorted((s for _, s in points), reverse=True)
        for row in rating.cells:
            cost, score = getattr(row.cost, front.cost), row.score.mean
            assert not any(cost < c and score <= s for c, s in points)
        # Of an error too, the caption names what is not worse by its interval.
        assert front.cheapest is not None
        named = rating.row(front.cheapest)
        assert named.best or named.verdict == "equal" or named.method.role == "single"


def test_over_data_sets_that_are_scored_differently_ranks_are_compared(mixed: Report) -> None:
    overall = mixed.context.overall
    assert overall is not None and overall.scale.is_ranks and "accuracy on synergy" in str(overall.why_ranks)
    best = overall.rows[0]
    assert overall.best == best.key == BEST
    assert best.score is not None and 1 <= best.score.mean < overall.rows[-1].score.mean <= 27
    total = np.mean([r.score.mean for r in overall.rows if r.score])
    assert total == pytest.approx(14), "27 places, each given once on every data set and seed"
    assert overall.rows[-1].to_best is not None and overall.rows[-1].to_best.mean < 0
    assert best.per_dataset["rating"] == pytest.approx(6.5, abs=0.2)
    question = asked_of(mixed)["attention"]
    assert question.scale.is_ranks and question.overall[0].mean > 5 and question.overall[0].n == 3
    assert mixed.context.effects.blocked is not None and mixed.context.effects.blocked.scale.is_ranks
    assert any(c.startswith("Over all data sets ranks are compared") for c in mixed.caveats)


def test_why_ranks_are_compared_is_told_as_people_list_things() -> None:
    truths = {**TRUTHS, "rating": OTHERS["rating"], "mood": OTHERS["mood"]}
    overall = analysed(make(truths=truths, seeds=2, controls=False)).context.overall
    assert overall is not None and overall.why_ranks is not None
    assert "(accuracy on redundant, unique and synergy; MAE on rating and mood)" in overall.why_ranks


def test_errors_of_two_data_sets_are_not_averaged_either() -> None:
    found = analysed(make(truths={name: OTHERS[name] for name in ("rating", "mood")}))
    assert found.context.overall is not None and found.context.overall.scale.is_ranks
    assert "own unit" in str(found.context.overall.why_ranks)


def test_one_metric_for_all_can_be_asked_for() -> None:
    truths = {"synergy": TRUTHS["synergy"], "fraud": OTHERS["fraud"], "genres": OTHERS["genres"]}
    found = analysed(make(truths=truths, metric="macro_f1"))
    assert {d.scale.metric for d in found.context.datasets} == {"macro_f1"}
    assert found.context.overall is not None and not found.context.overall.scale.is_ranks
    assert {d.curve.metric for d in found.context.datasets} == {"accuracy", "auroc", "macro_f1"}
    assert found.context.dataset("synergy").ceiling is None, "what is known is a ceiling of accuracy"
    with pytest.raises(
        UserError, match=r"macro_f1 is no metric of the data set 'rating' \(regression\); it has mae, rmse"
    ):
        analysed(make(truths=MIXED, metric="macro_f1"))
    with pytest.raises(UserError, match=r"no metric 'acuracy'; did you mean 'accuracy'\?"):
        analysed(make(truths=truths, metric="acuracy"))


def test_what_a_guess_scores_of_another_metric_is_the_majority_baselines_score() -> None:
    made = make(truths={"rating": OTHERS["rating"]}, metric="rmse")
    scale = analysed(made).context.dataset("rating").scale
    assert scale.guess == pytest.approx(1.25 * 12.4) and scale.rope == pytest.approx(0.01 * 1.25 * 12.4)
    without = analysed(replace(make(truths={"rating": OTHERS["rating"]}, metric="rmse", controls=False)))
    assert without.context.dataset("rating").scale.rope == 0
    assert any("On rating no difference counts as equal" in c for c in without.caveats)


@pytest.mark.slow
def test_correlations_below_zero_are_reported(tmp_path: Path) -> None:
    truth = Truth(kind="regression", metric="pearson", targets=("y",), base=-0.05, single={"text": -0.2, "image": 0.0},
                  attention={"additive": 0.3}, majority=0.0, linear=0.1)  # fmt: skip
    found = analysed(make(truths={"signed": truth}))
    assert str(found.context.dataset("signed").best).startswith("additive")
    export(found, tmp_path)
    shown = text_of(render(found))
    assert "−0.0" in shown and "Pearson r ↑" in shown


def test_small_and_large_units_have_readable_numbers() -> None:
    for unit, pattern in ((1e-4, r"0\.000\d{3}\b"), (1e4, r"\d\d,\d{3}\b")):
        truth = Truth(kind="regression", targets=("y",), base=5 * unit, attention={"additive": -unit},
                      single={"text": 7 * unit, "image": 8 * unit}, linear=6 * unit, majority=9 * unit,
                      unit=unit)  # fmt: skip
        found = analysed(make(truths={"scaled": truth}))
        page = render(found)
        assert re.search(pattern, answer(found, "scaled").sentences[0]), answer(found, "scaled").sentences[0]
        labels = re.findall(r'<span class="t" style="(?:left|top):[\d.]+%">([^<]*)<', page)
        assert labels and all(len(label) < 12 for label in labels)


def test_statements_beside_a_guess(mixed: Report) -> None:
    said = {(d.name, s.name): s for d in mixed.context.datasets for s in answer(mixed, d.name).statements}
    assert said["rating", "singles_at_chance"].holds is False
    assert "better than a guess without the input (12.400)" in said["rating", "singles_at_chance"].text
    assert said["fraud", "singles_at_chance"].holds is True
    assert ("mood", "ceiling") not in said and ("synergy", "ceiling") in said


def test_what_the_data_bring_along_is_told(mixed: Report) -> None:
    assert any("rating: 12 % of the samples lack text" in c for c in mixed.caveats)
    assert any("12 pairs of near-duplicate images" in c for c in mixed.caveats)
    assert any("within 0.12 of MAE on rating (1 % of what a guess" in c for c in mixed.caveats)
    skewed = replace_majority(make(truths={"synergy": TRUTHS["synergy"]}), 0.85)
    assert any("the most frequent class is 85 %" in c for c in analysed(skewed).caveats)
    assert not any("most frequent class" in c for c in mixed.caveats)


def replace_majority(made: Made, value: float) -> Made:
    results = {}
    for key, result in made.results.items():
        if result.config.baseline == "majority":
            metrics = {split: scores | {"accuracy": value} for split, scores in result.metrics.items()}
            result = result.model_copy(update={"metrics": metrics})
        results[key] = result
    return replace(made, results=results)


@pytest.mark.exhaustive
def test_every_metric_is_in_the_frame_and_the_tables(mixed: Report, tmp_path: Path) -> None:
    export(mixed, tmp_path)
    frame = pd.read_parquet(tmp_path / "results.parquet")
    assert {"test_mae", "validation_mae", "test_acc7", "test_auroc", "test_micro_f1", "test_accuracy"} < set(frame)
    assert frame.loc[frame["dataset"] == "synergy", "test_mae"].isna().all()
    cells = pd.read_csv(tmp_path / "tables" / "cells_mood.csv")
    assert {"score", "mae", "rmse", "pearson", "acc2_non0", "f1_has0", "loss"} < set(cells)
    assert "accuracy" not in set(cells)
    shown = (tmp_path / "tables" / "cells_rating.md").read_text().splitlines()[0]
    assert "MAE ↓ | RMSE ↓ | Pearson r ↑" in shown and "of ceiling" not in shown
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["rating_mae"] == pytest.approx(6.5, abs=0.2)
    text = (tmp_path / "report.md").read_text()
    assert "cite Nobody 2026" in text and "lower is better" in text
    assert set(pd.read_csv(tmp_path / "tables" / "pareto.csv")["metric"]) == {"accuracy", "mae", "macro_f1", "auroc"}


def test_the_page_names_metric_and_direction(mixed: Report, page: str) -> None:
    shown = text_of(page)
    assert "MAE ↓" in shown and "AUROC ↑" in shown and "Mean rank" in shown and "lower is better" in shown
    assert "Mae" not in shown and "Auroc" not in shown
    assert "each data set on its own axis, better to the right" in shown
    assert "compared by MAE ↓" in shown and "Nobody 2026" in shown
    assert not re.search(r"\b(nan|NaN|None|inf)\b", shown)
    data = {d["name"]: d for d in embedded(page)["datasets"]}
    assert (data["rating"]["score"], data["rating"]["unit"]) == ("MAE ↓", "")
    assert data["synergy"]["unit"] == " points"


def test_the_best_cell_is_the_darkest_and_the_arrow_points_to_what_is_cut_off(mixed: Report, page: str) -> None:
    for name in ("rating", "synergy"):
        label = re.escape(f"{mixed.context.dataset(name).best} · {name}")
        found = re.search(rf'<td class="cell ([^"]*)" data-k="[^"]*" aria-label="{label}\n', page)
        assert found and found[1].split()[0] == "q8", name
    assert '<span class="beyond right">▸</span>' in page


def test_one_epoch_has_no_curve_and_one_seed_no_interval(tmp_path: Path) -> None:
    made = make(truths={"rating": OTHERS["rating"]}, seeds=1)
    results = {
        k: r.model_copy(update={"curves": {n: c[:1] for n, c in r.curves.items()}}) for k, r in made.results.items()
    }
    found = analysed(replace(made, results=results))
    files = export(found, tmp_path)
    page = text_of(render(found))
    assert "Every trial ran one epoch, so there is no curve to draw." in page
    assert not any("curves_" in f for f in files)
    for text in (page, (tmp_path / "report.md").read_text()):
        assert "interval over seeds" not in text and "Student-t interval" not in text
        assert "one seed" in text


def test_a_metric_that_no_trial_has_leaves_a_report_without_scores(tmp_path: Path) -> None:
    """AUROC is not defined where a split lacks a class."""
    made = make(truths={"fraud": OTHERS["fraud"]})
    results = {}
    for key, r in made.results.items():
        metrics = {s: {n: v for n, v in scores.items() if n != "auroc"} for s, scores in r.metrics.items()}
        results[key] = r.model_copy(update={"metrics": metrics})
    found = analysed(replace(made, results=results))
    assert found.context.dataset("fraud").best is None and found.context.total.done == found.context.total.declared
    export(found, tmp_path)
    render(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", [State.FAILED, pytest.param(State.PENDING, marks=pytest.mark.exhaustive)])
def test_gaps_in_mixed_data_sets_are_told(fault: State, tmp_path: Path) -> None:
    found = analysed(make(truths=MIXED, faults={0: fault, 120: fault, 300: fault}, seeds=2))
    assert found.context.overall is not None
    gaps = [r for r in found.context.overall.rows if r.score is None]
    assert gaps and all(r.missing for r in gaps)
    export(found, tmp_path)
    assert "gap" in (tmp_path / "tables" / "overall.md").read_text()
    render(found)
