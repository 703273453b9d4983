"""What is drawn for papers: ticks where something can be, keys that cover nothing, names as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmbench.report.build import analyse
from mmbench.report.draw.figures import draw, style
from mmbench.report.draw.sheet import PAGE, whole_numbers
from mmbench.report.pages.report import Report
from mmbench.report.section import Drawing
from tests.support.cost_curves import example
from tests.support.factory import OTHERS, TRUTHS, make

SETTING = re.compile(
    r"scaled_dot_product|early_concat|cross_attention|\bconcat\b \+|mean \+|(linear|majority|kernel_svm) baseline\b"
)


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {n: (TRUTHS | OTHERS)[n] for n in ("redundant", "unique", "mood")}
    return analyse(**make(truths=truths, seeds=4, noise=0.006).arguments(), profiles=(example(),))


@pytest.fixture(scope="module")
def drawings(report: Report) -> dict[str, Drawing]:
    """Laid out, so that places are known."""
    found = {}
    with style():
        for part in report.parts:
            if part.record is not None:
                for drawing in part.section.figures(part.record):
                    draw(drawing.name, drawing.figure)
                    found[drawing.name] = drawing
    return found


def panels(figure: Figure) -> Iterator[Axes]:
    yield from (axes for axes in figure.axes if axes.get_label() != "<colorbar>")


def shown(axes: Axes, which: str) -> list[str]:
    """Labels of the ticks that are within the axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axes.get_xlim() if which == "x" else axes.get_ylim())
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return [t.get_text() for place, t in ticks if low <= place <= high and t.get_text()]


def test_every_kind_of_figure_is_here(drawings: dict[str, Drawing]) -> None:
    kinds = {re.sub(r"_(redundant|unique|mood|cpu)$", "", name) for name in drawings}
    assert kinds == {
        *("choices", "figure1", "figure1_column", "figure2", "figure2_column", "top", "marginal_means", "interactions"),
        *("heatmap", "pareto", "curves", "length", "ranks", "aggregates", "profiles"),
    }


@pytest.mark.parametrize("name", ["curves_redundant", "ranks"])
def test_between_steps_and_between_ranks_there_is_no_tick(drawings: dict[str, Drawing], name: str) -> None:
    for axes in panels(drawings[name].figure):
        labels = [label.replace(",", "") for label in shown(axes, "x")]
        assert len(labels) >= 2 and all(label.isdigit() for label in labels), labels


@pytest.mark.parametrize("high", range(1, 60))
def test_whole_numbers_are_whole_and_at_least_two(high: int) -> None:
    found = whole_numbers(1, high)
    assert all(1 <= n <= high for n in found) and found == sorted(set(found)) and len(found) <= 9
    assert len(found) >= min(2, high)


def test_every_axis_with_numbers_has_at_least_two_ticks(drawings: dict[str, Drawing]) -> None:
    for name, drawing in drawings.items():
        if name.startswith("heatmap"):
            continue
        labelled = [a for a in panels(drawing.figure) if shown(a, "x")]
        assert labelled, name
        for axes in labelled:
            assert len(shown(axes, "x")) >= 2, (name, shown(axes, "x"))
        for axes in panels(drawing.figure):
            assert len(axes.yaxis.get_ticklocs()) >= 2, name


def test_no_key_covers_a_plot_and_nothing_sticks_out(drawings: dict[str, Drawing]) -> None:
    for name, drawing in drawings.items():
        figure = drawing.figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        width, height = figure.get_size_inches() * figure.dpi
        plots = [axes.get_window_extent() for axes in figure.axes]
        keys = [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]
        for key in keys:
            box = key.get_window_extent(renderer).padded(-1)
            assert not any(box.overlaps(plot) for plot in plots), name
            assert box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1, name
        for axes in figure.axes:
            for text in [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label]:
                if text.get_text():
                    box = text.get_window_extent(renderer)
                    assert box.x0 >= -2 and box.x1 <= width + 2, (name, text.get_text())


def test_numbers_over_a_plot_and_names_beside_lines_do_not_touch(drawings: dict[str, Drawing]) -> None:
    for name in ("pareto_redundant", "pareto_mood", "figure2", "figure2_column", "curves_unique", "length_cpu"):
        figure = drawings[name].figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        for axes in panels(figure):
            boxes = [Text.get_window_extent(t, renderer).padded(-0.5) for t in axes.texts if t.get_text() != "ceiling"]
            for i, one in enumerate(boxes):
                assert not any(one.overlaps(other) for other in boxes[i + 1 :]), (
                    name,
                    [t.get_text() for t in axes.texts],
                )


def test_names_are_those_that_people_read(drawings: dict[str, Drawing]) -> None:
    for name, drawing in drawings.items():
        figure = drawing.figure
        said = [t.get_text() for key in figure.legends for t in key.get_texts()]
        for axes in figure.axes:
            said += [t.get_text() for t in (*axes.texts, axes.title, *axes.get_xticklabels(), *axes.get_yticklabels())]
            said += [t.get_text() for t in axes.get_legend().get_texts()] if axes.get_legend() else []
        assert not [s for s in said if SETTING.search(s)], name
        assert not any(SETTING.search(s) or "_" in s for s in [drawing.caption]), drawing.caption


def test_a_heatmap_has_a_scale_and_intervals(report: Report, drawings: dict[str, Drawing]) -> None:
    for d in report.context.datasets:
        figure = drawings[f"heatmap_{d.name}"].figure
        (bar,) = (a for a in figure.axes if a.get_label() == "<colorbar>")
        assert [t.get_text() for t in bar.get_yticklabels()][-1] == "best" and "behind the best" in bar.get_ylabel()
        cells = [t.get_text() for axes in panels(figure) for t in axes.texts]
        assert len(cells) == 27 and all("±" in cell for cell in cells)


def test_a_ceiling_is_named(drawings: dict[str, Drawing]) -> None:
    figure = drawings["figure2"].figure
    assert "ceiling: the best possible" in [t.get_text() for key in figure.legends for t in key.get_texts()]
    for axes in panels(drawings["curves_unique"].figure):
        dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
        assert bool(dotted) == ("ceiling" in [t.get_text() for t in axes.texts])


def test_figures_of_the_report_are_as_wide_as_a_page(drawings: dict[str, Drawing]) -> None:
    for name, drawing in drawings.items():
        if drawing.use != "paper":
            assert drawing.figure.get_size_inches()[0] == PAGE, name
