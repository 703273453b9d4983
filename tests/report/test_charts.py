"""What the page's charts claim: captions that respect noise, colours and axes that do not mislead."""

from __future__ import annotations

import re
from dataclasses import replace
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbench.report.build import analyse
from mmbench.report.draw import heat
from mmbench.report.draw.axis import linear, logarithmic
from mmbench.report.draw.labels import APART, LINE, place_labels, room_for_numbers
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.scores.prices import is_cheaper
from mmbench.report.sections.cost.pareto import pareto_view
from mmbench.report.sections.effects.interactions import interactions
from mmbench.report.sections.questions.page import question_views
from tests.support.factory import TRUTHS, Truth, make


@pytest.fixture(scope="module")
def quiet() -> Report:
    """Two data sets with little noise, so that some combinations are equal to the best and some are worse."""
    levels = {"attention": {"additive": 0.001}, "architecture": {"shared": -0.003}, "fusion": {"concat": 0.03}}
    alike = replace(TRUTHS["unique"], **levels)
    truths = {"redundant": TRUTHS["redundant"], "unique": alike}
    return analyse(**make(truths=truths, seeds=5, noise=0.002).arguments())


def test_a_front_names_the_cheapest_that_is_not_worse_by_its_interval(quiet: Report) -> None:
    for d in quiet.context.datasets:
        best = d.row(str(d.best))
        for front in d.fronts:
            assert front.cheapest is not None
            named = d.row(front.cheapest)
            lost = best.gain_single if named.method.role == "single" else named.to_best
            assert named.best or (lost is not None and lost.verdict != "better" and lost.verdict != "open")
            if named.best:
                assert front.finding.startswith("no cheaper combination or single modality is known to be as good as")
                continue
            assert is_cheaper(named, best, front.cost) and named.key in front.finding
            as_good = [r for r in d.cells if r.verdict == "equal" and is_cheaper(r, best, front.cost)]
            assert all(getattr(r.cost, front.cost) >= getattr(named.cost, front.cost) for r in as_good)
    assert any(not d.row(str(f.cheapest)).best for d in quiet.context.datasets for f in d.fronts)


def test_one_seed_names_nothing_as_good() -> None:
    (d,) = analyse(**make(truths={"unique": TRUTHS["unique"]}, seeds=1).arguments()).context.datasets
    assert d.fronts and all(f.cheapest is None for f in d.fronts)
    assert all("one seed does not decide" in f.finding for f in d.fronts)


def test_a_pareto_plot_shows_noise(quiet: Report) -> None:
    """The margin below the best is a band; marked points have their intervals; only corner points are named."""
    for d in quiet.context.datasets:
        for front in d.fronts:
            plot = pareto_view(d, front)
            assert plot is not None and plot.band is not None
            top, height = plot.band
            best = d.row(str(d.best)).score
            assert best is not None and top == pytest.approx(100 - plot.y.at(best.mean), abs=0.02)
            assert (
                height == pytest.approx(100 * d.scale.rope / (plot.y.high - plot.y.low), abs=0.02)
                or top + height == 100
            )
            assert plot.bars.count("V") == sum(p.drawn for p in plot.pins)
            assert sum(p.label is not None for p in plot.pins) <= 3
            assert any(p.chosen for p in plot.pins)


def test_the_page_has_no_hypervolume(quiet: Report) -> None:
    assert "hypervolume" not in render(quiet).lower()


places = st.tuples(st.floats(0, 100), st.floats(0, 100))


@given(st.lists(places, min_size=1, max_size=3, unique=True), st.lists(places, max_size=40))
def test_labels_cover_no_dot_and_no_other_label(
    points: list[tuple[float, float]], others: list[tuple[float, float]]
) -> None:
    named = {str(i): p for i, p in enumerate(points)}
    labels = place_labels(named, dict.fromkeys(named, "SDPA + cross · shared"), [*others, *points])
    width, height = 420, 300
    boxes = []
    for key, label in labels.items():
        x, y = named[key][0] * width / 100 + label.dx, named[key][1] * height / 100 + label.dy
        boxes.append((x, y, x + 7.3 * len(label.text), y + LINE))
        for dot in (*others, *points):
            inside = boxes[-1][0] < dot[0] * width / 100 < boxes[-1][2] and y < dot[1] * height / 100 < y + LINE
            assert not inside
    for i, a in enumerate(boxes):
        assert a[0] >= -0.1 and a[2] <= width + 0.1 and a[1] >= -0.1 and a[3] <= height + 0.1
        assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in boxes[:i])


@given(st.lists(places, max_size=12))
def test_numbers_do_not_overlap(points: list[tuple[float, float]]) -> None:
    kept = sorted(room_for_numbers(points))
    for i, (x, y) in enumerate(kept):
        assert all(hypot(x - a, y - b) * 3 >= APART - 0.001 for a, b in kept[:i])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.integers(2, 6))
def test_a_linear_axis_has_at_least_two_ticks(values: list[float], wanted: int) -> None:
    ticks = linear(values, wanted=wanted).ticks
    assert len(ticks) >= 2 and len({t.label for t in ticks}) == len(ticks)


@given(st.floats(1e-3, 1e12), st.floats(1.0, 1e6))
def test_a_logarithmic_axis_has_at_least_two_ticks(low: float, ratio: float) -> None:
    ticks = logarithmic([low, low * ratio]).ticks
    assert len(ticks) >= 2 and len({t.label for t in ticks}) == len(ticks)


def test_heat_is_how_far_behind_the_best(quiet: Report) -> None:
    """Within a margin all are alike, five margins behind the colours end, and one cell far off changes no other."""
    d = quiet.context.datasets[0]
    maps = heat.of_dataset(quiet.context, d)
    assert maps.key[0] == "≤ −5.0" and maps.key[-1] == "0.0 points"
    best = d.row(str(d.best)).score
    assert best is not None
    steps = {c.key: int(re.findall(r"q(\d)", c.css)[0]) for m in maps.maps for _, row in m.rows for c in row if c}
    for row in d.cells:
        behind = 0.0 if row.score is None else (best.mean - row.score.mean) / d.scale.rope
        assert steps[row.key] == max(0, min(8, int(9 * (1 - behind / 5)))), row.key
    worst = d.cells[-1]
    assert worst.score is not None
    far = replace(worst, score=replace(worst.score, mean=0.1))
    moved = heat.of_dataset(quiet.context, replace(d, rows=tuple(far if r is worst else r for r in d.rows)))
    again = {c.key: int(re.findall(r"q(\d)", c.css)[0]) for m in moved.maps for _, row in m.rows for c in row if c}
    assert again == steps | {worst.key: 0}


def test_what_is_open_is_hatched() -> None:
    made = analyse(**make(truths={"unique": Truth(base=0.8)}, seeds=3, noise=0.03).arguments())
    (d,) = made.context.datasets
    maps = heat.of_dataset(made.context, d)
    hatched = {c.key for m in maps.maps for _, row in m.rows for c in row if c and "undecided" in c.css}
    assert hatched == {r.key for r in d.cells if r.verdict == "open" and not r.best} and hatched


def test_all_questions_have_one_axis(quiet: Report) -> None:
    """What several modalities gain is far beyond it: an arrow stands there, and it squeezes nothing."""
    found = question_views(quiet["questions"].found, quiet.context)
    figures = [figure for q in found for _, figure in q.figures]
    assert len({(f.ticks, f.zero, f.band) for f in figures}) == 1
    assert figures[0].band is not None and figures[0].band[1] > 100 / 12
    gains = [row for q in found for _, f in q.figures for row in f.rows if row.name == "best combination"]
    assert any(row.beyond == "right" for row in gains)


def test_a_mean_over_data_sets_has_a_mark_for_each(quiet: Report) -> None:
    names = [d.name for d in quiet.context.datasets]
    for q in question_views(quiet["questions"].found, quiet.context):
        for name, figure in q.figures:
            for row in figure.rows:
                assert [m.said.split()[0] for m in row.marks] == (names if name.name == "all" else [])
                assert "_" not in row.name + row.note, "levels have titles"


def test_levels_without_an_order_are_not_joined(quiet: Report) -> None:
    table = quiet.context.effects.per_dataset[0]
    plots = interactions(table)
    assert len(plots) == 3 and all(len(p.columns) == 3 for p in plots)
    assert not any(s.path for p in plots for s in p.strands)
    two = analyse(**make(truths={"unique": TRUTHS["unique"]}, levels={
        "attention": ["mean", "additive"], "fusion": ["concat", "early_concat"], "architecture": ["shared", "hybrid"],
    }).arguments())  # fmt: skip
    assert all(s.path for p in interactions(two.context.effects.per_dataset[0]) for s in p.strands)


def test_the_headline_of_each_data_set_is_in_the_page(quiet: Report) -> None:
    page = render(quiet)
    heads = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    assert heads is not None
    assert re.findall(r'data-view="(\w+)"', heads[1]) == ["all", "redundant", "unique"]
    assert quiet.context.headline_on("unique") != quiet.headline
    assert "unique" in quiet.context.headline_on("unique") or quiet.lead_on("unique")


def test_names_that_stand_alone_have_a_subtitle(quiet: Report) -> None:
    said = {d.name: d.subtitle for d in quiet.context.datasets}
    assert said["redundant"] == "all modalities say it"
    d = quiet.context.datasets[1]
    assert replace(d, carriers=("image",), modalities=("image", "text")).subtitle == "only the image says it"
    own = replace(d, name="own", carriers=(), modalities=("image", "text"))
    assert replace(own, description="Birds and what they sing.").subtitle == "Birds and what they sing"
    assert replace(own, description="Long " * 30).subtitle == "image and text"
    assert all(f"<small>{text}</small></button>" in render(quiet) for text in said.values())
