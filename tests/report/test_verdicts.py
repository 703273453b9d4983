"""The four words better, worse, equal and open: what is said and drawn where, and the seeds that a race adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmbench.report.build import analyse
from mmbench.report.draw import heat
from mmbench.report.draw.dots import key_figure
from mmbench.report.draw.palette import BEST, NEAR
from mmbench.report.draw.words import mark, place_words
from mmbench.report.pages.cell_page import data
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.scores import findings
from mmbench.report.scores.complete_block import complete_block
from mmbench.report.scores.dataset_scores import DatasetScores, Settings, collect
from mmbench.report.scores.ranking import rank
from mmbench.report.sections.answer.figures import top
from mmbench.report.sections.ladder.compute import _levels as levels_under
from mmbench.report.sections.questions.differences import name_winner
from mmbench.report.values.cells import CellRow
from mmbench.report.values.methods import Method
from mmbench.report.values.scale import scale_of
from mmbench.schema.params import Race
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Verdict
from tests.support.factory import TRUTHS, make

from .test_build import analysed

POINTS = scale_of("accuracy", 0.01, scores=[0.9], guess=0.1)
ERROR = scale_of("mae", 0.01, scores=[12.3], guess=20.0)


@pytest.fixture(scope="module")
def every() -> Report:
    """Data sets on which cells are equal, open and worse, and one on which the best is better than all others."""
    return analysed(make(seeds=5, noise=0.0075))


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["equal"] * 8 + ["open"] * 3 + ["worse"] * 15, "8 are equal within ±1 point, 3 are open and 15 are worse"),
        (["worse", "open"], "1 is open and 1 is worse"),
        (["equal"], "1 is equal within ±1 point"),
        (["worse"] * 2, "2 are worse"),
    ],
)
def test_how_others_stand_to_the_best_reads(verdicts: list[Verdict], said: str) -> None:
    assert findings.standing(verdicts, POINTS) == said


def verdicts_of(best: Verdict, **counts: int) -> dict[str, Verdict]:
    others = [v for v, n in counts.items() for _ in range(n)]
    return {"top": best, **{f"cell {i}": v for i, v in enumerate(others)}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({}, "data: one seed decides nothing"),
        (verdicts_of("better", worse=26), "data: top is best"),
        (
            verdicts_of("equal", equal=2, worse=24),
            "data: top scores highest; of the other 26, 2 are equal within ±1 point and 24 are worse",
        ),
        (verdicts_of("open", open=26), "data: top scores highest; of the other 26, 26 are open"),
    ],
)
def test_the_heading_of_a_data_set(verdicts: Mapping[str, Verdict], said: str) -> None:
    assert findings.finding("data", "top", verdicts, 27, POINTS) == said
    assert findings.finding("data", None, {}, 0, POINTS) == "data: no complete combination yet"
    assert findings.finding("data", "top", {"top": "better"}, 1, POINTS) == "data: top is the only complete combination"
    lowest = findings.finding("data", "top", verdicts_of("open", open=2), 3, ERROR)
    assert lowest == "data: top has the lowest MAE; of the other 2, 2 are open"


def comparison(verdict: Verdict, subject: str = "a", reference: str = "b") -> Difference:
    return Difference(
        subject=subject, reference=reference, mean=0.0, half=0.1, near=0.1, pairs=1, n=3, p=0.5, p_holm=0.5,
        verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("per_dataset", "said"),
    [
        ({"x": ["better"], "y": ["better"]}, "A is the best kind on every data set"),
        ({"x": ["better"], "y": ["open"]}, "Best kind: a on x; no single winner on y"),
        ({"x": ["open"], "y": ["open"]}, "Which kind is best is open on every data set"),
        ({"x": ["open"]}, "Which kind is best is open on x"),
        ({"x": ["open"], "y": ["equal"]}, "Every kind is as good as any other on y; which kind is best is open on x"),
        ({"x": ["equal"], "y": ["equal"]}, "Every kind is as good as any other on x and y"),
    ],
)
def test_levels_that_are_equal_are_not_called_open(per_dataset: dict[str, list[Verdict]], said: str) -> None:
    found = {name: [comparison(v) for v in verdicts] for name, verdicts in per_dataset.items()}
    assert name_winner(found, ["a", "b"], "kind") == said


def test_a_heading_says_first_what_to_do() -> None:
    """Late is better than early, and intermediate too, on x; on y only late is; z says nothing."""
    late, middle, early = "late", "intermediate", "early"
    found = {
        "x": [comparison("equal", late, middle), comparison("better", late, early), comparison("worse", early, middle)],
        "y": [comparison("equal", late, middle), comparison("better", late, early), comparison("equal", middle, early)],
        "z": [comparison("open", late, middle), comparison("equal", late, early), comparison("open", middle, early)],
    }
    said = name_winner(found, [late, middle, early], "kind of fusion", lambda kind: f"{kind} fusion")
    assert said == (
        "Avoid early fusion on x; late fusion is better than early fusion on y; "
        "which kind of fusion is best is open on z"
    )


def by_verdict(report: Report, name: str) -> dict[str, CellRow]:
    """One row of each verdict, the best apart."""
    data = report.context.dataset(name)
    return {str(r.verdict): r for r in reversed(data.cells) if not r.best} | {"best": data.row(str(data.best))}


def test_each_verdict_has_its_words_and_its_mark(every: Report) -> None:
    rows = by_verdict(every, "unique")
    assert {name: mark(row) for name, row in rows.items()} == {"best": "★", "equal": "•", "open": "◦", "worse": ""}
    said = {name: place_words(row, POINTS).removeprefix(f"rank {row.rank}, ") for name, row in rows.items()}
    assert said == {
        "best": "highest mean",
        "equal": "equal to the best within ±1 point",
        "open": "open",
        "worse": "worse than the best",
    }
    one = analysed(make(seeds=1, truths={"unique": TRUTHS["unique"]})).context.dataset("unique").cells[2]
    assert (mark(one), place_words(one, POINTS)) == ("", "rank 3 by its mean; one seed decides nothing")


def test_each_verdict_is_drawn_as_itself(every: Report) -> None:
    """In the key figure, the heatmaps, the table of all cells, what a click shows, and the figure for papers."""
    report = every.context.dataset("unique")
    drawn = {d.name: d.kind for d in key_figure(report).rows}
    shown = [r for r in report.cells if r.key in drawn]
    assert {r.verdict for r in shown if not r.best} >= {"equal", "open"}
    for row in shown:
        assert drawn[row.key] == ("best" if row.best else "" if row.verdict == "worse" else row.verdict)
    marks = {
        c.key: c.mark for m in heat.of_dataset(every.context, report).maps for _, cells in m.rows for c in cells if c
    }
    assert marks == {r.key: mark(r) for r in report.cells}
    table = re.split(r'data-view="unique"', render(every).split('id="table"')[1])[1]
    for row in report.cells:
        tinted = [str(row.verdict)] if row.verdict != "worse" else []
        found = re.search(rf'<tr class="([^"]*)" data-k="{re.escape(row.key)}"', table)
        assert found and set(found[1].split()) - {"ranked"} == {"cell", *tinted, *(["first"] if row.best else [])}
    (embedded,) = (d for d in data(every.context)["datasets"] if d["name"] == "unique")
    for name, row in by_verdict(every, "unique").items():
        assert embedded["rows"][row.key]["verdict"] == {
            "best": "", "equal": "equal to the best within ±1 point", "open": "open", "worse": "worse than the best",
        }[name]  # fmt: skip
    (alone,) = (d for d in data(every.context)["datasets"] if d["name"] == "synergy")
    assert alone["rows"][every.context.dataset("synergy").best]["verdict"] == "better than all others"


def test_legends_say_what_marks_mean_and_only_where_there_are_verdicts(every: Report) -> None:
    legends = ("◆ equal to it within the margin", "◇ open", "• equal to it within the margin", "◦ open", "Tinted rows")
    page, one = render(every), render(analysed(make(seeds=1, truths={"unique": TRUTHS["unique"]}, controls=False)))
    assert all(text in page for text in legends)
    assert "Tinted rows" not in one and "equal to it within the margin" not in one


def test_the_figure_for_papers_has_full_and_hollow_marks(every: Report) -> None:
    figure = top(every.context, every.context.datasets)
    assert figure is not None
    axis = figure.axes[[d.name for d in every.context.datasets].index("unique")]
    points = [line for line in axis.lines if line.get_marker() in ("o", "s", "D")]
    rows = [r for r in every.context.dataset("unique").cells if r.ranked][:10]
    assert {r.verdict for r in rows} >= {"equal", "open"}
    markers = {"equal": "s", "open": "s", "worse": "o"}
    for row, point in zip(rows, points, strict=False):
        assert point.get_marker() == ("D" if row.best else markers[str(row.verdict)])
        assert (to_hex(point.get_color()) == NEAR.lower()) == (row.verdict == "equal" and not row.best)
        assert (to_hex(point.get_markerfacecolor()) == "#ffffff") == (row.verdict == "open" and not row.best)
    assert to_hex(points[0].get_color()) == BEST.lower()


METHODS = {
    key: Method(key=key, role="cell", attention=key, fusion="f", family="f", architecture="r", modality=None,
                baseline=None)
    for key in "abcdef"
}  # fmt: skip
SETTINGS = Settings(scale=POINTS, confidence=0.95)


def race(scores: Mapping[str, list[float]], methods: Mapping[str, Method] = METHODS, **states: str) -> DatasetScores:
    """Each method on as many seeds as it has scores. states: of a method's last seed."""
    records: list[dict[str, Any]] = [
        {
            "method": key,
            "seed": seed,
            "state": states.get(key, "done") if seed == len(values) - 1 else "done",
            "test_accuracy": value,
        }
        for key, values in scores.items()
        for seed, value in enumerate(values)
    ]
    return collect("data", records, methods, SETTINGS, race=True)


def test_methods_to_which_a_race_gave_no_more_seeds_stay_in_the_comparison() -> None:
    """Two have ten seeds and four have three: no block of seeds is worth leaving out a method."""
    draw = np.random.default_rng(0)
    seeds = {"a": 10, "b": 10, "c": 3, "d": 3, "e": 3, "f": 3}
    truth = {"a": 0.9, "b": 0.9, "c": 0.7, "d": 0.7, "e": 0.7, "f": 0.7}
    scores = {key: (truth[key] + 0.01 * draw.normal(size=n)).tolist() for key, n in seeds.items()}
    found = race(scores)
    assert set(found.index) == set("abcdef") and found.seeds == (0, 1, 2)
    assert {key: len(found.compared_seeds(key)) for key in "abcdef"} == seeds
    assert found.means.seeds.tolist() == [10, 10, 3, 3, 3, 3]
    for key, values in scores.items():
        assert found.quality(key) == pytest.approx(np.mean(values)), "the plain mean over a method's own seeds"
    assert found.values.shape == (6, 3) and found.paired_means.seeds.tolist() == [3] * 6
    verdicts = rank(found.means, found.index, list("abcdef")).verdict
    assert [verdicts[key] for key in "cdef"] == ["worse"] * 4 and verdicts["a"] != "worse" != verdicts["b"]


def test_a_method_that_lacks_one_of_the_seeds_of_all_is_left_out_and_one_that_lacks_a_later_one_is_not() -> None:
    draw = np.random.default_rng(1)
    scores = {key: (0.8 + 0.01 * draw.normal(size=6 if key in "ab" else 3)).tolist() for key in "abcdef"}
    assert set(race(scores, c="failed").index) == set("abdef")
    later = race(scores, a="failed")
    assert set(later.index) == set("abcdef")
    assert later.compared_seeds("a") == (0, 1, 2, 3, 4) and later.compared_seeds("b") == (0, 1, 2, 3, 4, 5)


def test_seeds_that_a_race_gave_to_some_are_no_hole_in_the_grid() -> None:
    """What is averaged over data sets is what all have; that some have more is how a race ends."""
    draw = np.random.default_rng(2)
    scores = {key: (0.8 + 0.01 * draw.normal(size=9 if key in "ab" else 3)).tolist() for key in "abcdef"}
    fields = [replace(race(scores), dataset=name) for name in ("one", "two")]
    found = complete_block(fields, POINTS)
    assert found.seeds == (0, 1, 2) and len(found.keys) == 6 and found.dropped == ()
    late = [replace(race({**scores, "c": scores["c"][:2]}), dataset=name) for name in ("one", "two")]
    assert complete_block(late, POINTS).seeds == (0, 1)
    unfinished = [replace(race(scores, c="failed"), dataset=name) for name in ("one", "two")]
    assert complete_block(unfinished, POINTS).dropped


def test_a_race_in_which_all_got_as_many_seeds_is_the_usual_comparison() -> None:
    scores = {key: (0.8 + 0.01 * np.random.default_rng(i).normal(size=4)).tolist() for i, key in enumerate("abcdef")}
    found = race(scores)
    assert found.means is found.paired_means
    assert found.seeds == (0, 1, 2, 3) == found.compared_seeds("a")
    assert found.means.limit == 5 * 3, "paired by seed"


def test_a_race_that_ran_out_of_time_says_so_where_verdicts_are_open() -> None:
    arguments = make().arguments()
    found = analyse(**arguments, unpaid=["redundant"])
    said = "The time of sweep.budget is used up: "
    open_ = sum(r.verdict == "open" and not r.best for r in found.context.dataset("redundant").cells)
    assert open_ and render(found).count(f"{said}{open_} combinations are open that more seeds could decide") == 1
    assert said not in render(analyse(**arguments))


def test_a_race_tells_its_seeds() -> None:
    """Three to six of them; and nothing is partial where a method has only the fewest."""
    arguments = make().arguments()
    params = arguments["params"]
    grid = params.grid.model_copy(update={"seeds": Race(least=3, most=6)})
    found = analyse(**(arguments | {"params": params.model_copy(update={"grid": grid})}))
    assert found.context.seeds_told == "3 to 6 seeds" and "3 to 6 seeds" in render(found)
    assert not any("compared on" in table.caption for table in found.tables)


def test_without_a_margin_nothing_is_equal_however_well_the_seeds_agree() -> None:
    """One of 36 test samples outweighs a point, and a few models that all get everything right prove nothing."""
    assert paired.verdict(0.0, 0.0, 1.0, 0.95, 0.01) == "equal"
    assert paired.verdict(0.0, 0.0, 1.0, 0.95, 0.0) == "open"
    assert paired.verdict(0.02, 0.0, 0.001, 0.95, 0.0) == "better"


def test_contrasts_count_the_seeds_that_the_combinations_share_whatever_the_controls_have() -> None:
    """Two of the six are single modalities, which a race never gives more seeds."""
    draw = np.random.default_rng(3)
    methods = METHODS | {
        k: replace(METHODS[k], role="single", modality=k, fusion=None, architecture=None) for k in "ef"
    }
    scores = {key: (0.8 + 0.02 * draw.normal(size=2 if key in "ef" else 5)).tolist() for key in "abcdef"}
    found = race(scores, methods)
    d = found.group_difference("x", "y", [("a", "b"), ("c", "d")])
    rows = {key: np.array(values) for key, values in scores.items()}
    assert d.mean == pytest.approx(np.mean(rows["a"] - rows["b"] + rows["c"] - rows["d"]) / 2)
    cells = race({key: scores[key] for key in "abcd"}).group_difference("x", "y", [("a", "b"), ("c", "d")])
    assert (d.n, d.half, d.near, d.p) == (5, cells.half, cells.near, cells.p)
    assert found.paired_means.mean[:4] == pytest.approx([rows[key].mean() for key in "abcd"])


def test_equal_scores_win_in_no_setting() -> None:
    """The same 56 of 60 samples are right everywhere; three seeds here and five there make another last digit."""
    scores = {key: [56 / 60] * (3 if key in "ace" else 5) for key in "abcdef"}
    found = race(scores)
    d = found.group_difference("x", "y", [("a", "b"), ("c", "d"), ("e", "f")])
    assert (d.mean, d.p, d.verdict) == (0, 1, "equal")
    assert len({found.quality(key) for key in "abcdef"}) == 1


def test_levels_under_every_budget_differ_by_what_the_contrasts_say() -> None:
    """Where a race gave some more seeds, both count the seeds that all share."""
    draw = np.random.default_rng(4)
    scores = {key: (0.8 + 0.02 * draw.normal(size=9 if key in "ab" else 3)).tolist() for key in "abcdef"}
    found = race(scores).under({2.0: dict.fromkeys("abcdef", 0.9)})
    own = {x.level: x.means[1.0] for x in levels_under(found, {"attention": list("abcdef")})}
    for subject, reference in (("a", "b"), ("a", "c"), ("d", "e")):
        d = found.group_difference(subject, reference, [(subject, reference)])
        assert own[subject] - own[reference] == pytest.approx(d.mean)
        assert d.mean == pytest.approx(np.mean(np.subtract(scores[subject][:3], scores[reference][:3])))
