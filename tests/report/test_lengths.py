"""Cost against length in the report: with a profile, with several, and without any."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.sections.cost import length_plots as lengths
from mmbench.schema.cost_curves import Profile, Stop
from tests.support.cost_curves import LENGTHS, OUT, example, profile, series
from tests.support.factory import TRUTHS, make

pytestmark = pytest.mark.slow


def analysed(*profiles: Profile) -> Report:
    made = make(truths={"synergy": TRUTHS["synergy"]}, seeds=2)
    return analyse(**made.arguments(), profiles=profiles)


@pytest.fixture(scope="module")
def analysis() -> Report:
    return analysed(example())


@pytest.fixture(scope="module")
def section(analysis: Report) -> str:
    return cost_section(render(analysis))


def cost_section(page: str) -> str:
    return page[page.index('<section id="cost">') : page.index('<section id="curves">')]


def test_the_finding_tells_who_is_linear_and_what_it_is_worth(analysis: Report) -> None:
    (part,) = analysis["cost"].lengths
    assert part.finding == (
        "1 of 3 attentions grow about linearly with length; "
        "at 16,384 tokens linear is 1,600 times as fast as the exact softmax"
    )
    assert [r.attention for r in part.rows] == ["linear", "scaled_dot_product", "topk"]
    topk = part.rows[-1]
    assert (topk.last_training, topk.speedup, topk.stopped_at, topk.why) == (None, None, 16384, "out of memory")


def test_the_page_shows_time_and_memory_with_exponents_and_where_it_stopped(section: str) -> None:
    assert "linear 1.00" in section and "scaled_dot_product 2.00" in section
    assert section.count('class="stop" style="left:100.0%"') == 2  # at the edge, in both figures
    assert "topk: out of memory" in section
    assert "16,384 tokens: out of memory" in section and OUT.message in section
    assert "Some Processor, float32, 2 threads" in section
    assert "mmbench cost-curves" not in section
    text = re.sub(r"<[^>]*>", " ", section)
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_without_a_profile_the_page_says_how_to_get_one() -> None:
    assert analysed()["cost"].lengths == ()
    section = cost_section(render(analysed()))
    assert "Cost against length has not been measured yet" in section
    assert "<code>mmbench cost-curves</code>" in section
    assert 'class="stop"' not in section


def test_each_device_has_its_own_part() -> None:
    gpu = profile(series("linear", 1.0), device="cuda")
    section = cost_section(render(analysed(example(), gpu)))
    assert section.count("forward and backward pass, log scale") == 4


def test_a_profile_in_which_nothing_was_measured_has_no_figure() -> None:
    never = series("odd", 1.0, stop=Stop(length=LENGTHS[0], why="too long", message="takes long"))
    never = never.model_copy(update={"points": ()})
    assert not [f.name for f in analysed(profile(never)).figures if f.name.startswith("length")]


def test_a_mechanism_that_was_never_measured_has_a_row_and_no_line() -> None:
    never = series("odd", 1.0, stop=Stop(length=LENGTHS[0], why="failed", message="ValueError: <b>odd</b>"))
    for found in (profile(never), profile(series("linear", 1.0), never)):
        section = cost_section(render(analysed(found)))
        assert "128 tokens: failed" in section
        assert "<b>odd" not in section and "&lt;b&gt;odd" in section


def test_at_most_six_are_named_and_the_rest_is_grey() -> None:
    many = [series(f"m{i}", 1.0 + i / 20) for i in range(9)]
    (part,) = analysed(profile(*many, series("scaled_dot_product", 2.0)))["cost"].lengths
    time, memory = lengths.length_view(part, gap=6.0).plots
    for plot in (time, memory):
        assert [line.name for line in plot.lines] == ["scaled_dot_product", "m0", "m1", "m2", "m3", "m4"]
        assert plot.grey_count == 4
        assert len(plot.x.ticks) <= lengths.TICKS
        assert plot.x.ticks[-1].label == "16,384"


@pytest.mark.exhaustive
def test_the_files_hold_the_same_numbers_and_equal_bytes(analysis: Report, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        files = export(analysed(example()), folder)
    names = [f"tables/length_cpu.{kind}" for kind in ("csv", "md", "tex")]
    names += ["figures/length_cpu.svg", "plots/length.csv", "report.md"]
    assert set(names) <= set(files)
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    table = pd.read_csv(first / "tables" / "length_cpu.csv").set_index("attention")
    assert table.loc["scaled_dot_product", "time_exponent"] == pytest.approx(2.0, abs=1e-3)
    assert table.loc["topk", "why"] == "out of memory" and pd.isna(table.loc["topk", "training_seconds"])
    points = pd.read_csv(first / "plots" / "length.csv")
    assert len(points) == 8 + 8 + 7
    text = (first / "report.md").read_text(encoding="utf-8")
    assert analysis["cost"].lengths[0].finding in text and "figures/length_cpu.svg" in text
    assert "at 16,384 tokens: out of memory" in (first / "tables" / "length_cpu.md").read_text(encoding="utf-8")
    assert (first / "tables" / "length_cpu.tex").read_text(encoding="utf-8").isascii()
    json.dumps(analysis.as_json(), allow_nan=False)


def test_without_a_profile_no_file_speaks_of_length(tmp_path: Path) -> None:
    files = export(analysed(), tmp_path)
    assert not [f for f in files if "length" in f]
