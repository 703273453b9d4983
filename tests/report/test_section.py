"""Sections: found in folders and in installed packages; one that raises costs the report nothing but itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mmbench.errors import UserError
from mmbench.report.build import analyse
from mmbench.report.draw.table import Table, build
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Part, Report
from mmbench.report.scores.context import Context
from mmbench.report.section import Section, find_sections, section
from tests.support.factory import TRUTHS, make

LEVELS = {"attention": ["additive", "mean"], "fusion": ["concat"], "architecture": ["shared"]}
OUTPUTS = ("compute", "tables", "figures", "page", "markdown", "plots", "caveats", "metrics", "lead")
MODULE = """
from mmbench.report.section import Section, section

@section({name!r})
class Planted(Section):
    def compute(self, context):
        return None
"""


@section("planted")
class Planted(Section[str]):
    title = "A planted section"

    def compute(self, context: Context) -> str:
        return context.experiment

    def tables(self, record: str) -> Iterator[Table]:
        yield build("planted", "Planted", [record], [{"experiment": record}], [("experiment", str, False)])


@pytest.fixture(scope="module")
def report() -> Report:
    return analyse(**make(truths={"synergy": TRUTHS["synergy"]}, levels=LEVELS).arguments())


def written(report: Report, folder: Path) -> dict[str, bytes]:
    files = export(report, folder)
    (folder / "report.html").write_text(render(report), encoding="utf-8")
    return {name: (folder / name).read_bytes() for name in (*files, "report.html")}


def with_section(report: Report, added: Section[str]) -> Report:
    return replace(report, parts=(*report.parts, Part(added, report.context)))


@pytest.mark.slow
def test_tables_alone_are_in_every_output(report: Report, tmp_path: Path) -> None:
    files = written(with_section(report, Planted()), tmp_path)
    assert files["tables/planted.csv"] == b"experiment\nmmbench\n"
    assert {"tables/planted.md", "tables/planted.tex"} <= files.keys()
    page, markdown = files["report.html"].decode(), files["report.md"].decode()
    assert '<a href="#planted">A planted section</a>' in page and "<td>mmbench</td>" in page
    assert "## A planted section" in markdown and "| mmbench |" in markdown


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS)
def test_one_that_raises_is_reported_and_the_rest_is_the_same(report: Report, output: str, tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no such <luck>")

    failing = type("Failing", (Planted,), {output: fails})()
    whole = with_section(report, failing)
    files, without = written(whole, tmp_path / "with"), written(report, tmp_path / "without")
    assert whole.failures == {"planted": "ValueError: no such <luck>"}
    assert "tables/planted.csv" not in files
    assert files.keys() == without.keys()
    assert {name for name, content in files.items() if content != without[name]} == {"report.html", "report.md"}
    assert "ValueError: no such &lt;luck&gt;" in files["report.html"].decode()
    assert "ValueError: no such \\<luck\\>" in files["report.md"].decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["cells_synergy"], "it writes tables/cells_synergy, as the section 'cells' does; name it otherwise"),
        (["planted", "planted"], "it writes tables/planted twice; name one of them otherwise"),
        (["../planted"], "it writes 'tables/../planted': the name of a table, figure or plot cannot hold a slash"),
    ],
)
def test_a_file_is_of_one_section(report: Report, names: list[str], why: str, tmp_path: Path) -> None:
    class Claims(Planted):
        order = -1.0

        def tables(self, record: str) -> Iterator[Table]:
            for name in names:
                yield build(name, "Planted", [record], [{"experiment": record}], [("experiment", str, False)])

    whole = with_section(report, Claims())
    whole = replace(whole, parts=(whole.parts[-1], *whole.parts[:-1]))
    files, without = written(whole, tmp_path / "with"), written(report, tmp_path / "without")
    assert whole.failures == {"planted": why}
    assert {name for name, content in files.items() if content != without.get(name)} == {"report.html", "report.md"}


class NotANumber(Planted):
    def metrics(self, record: str) -> dict[str, float]:
        return {"planted": float("nan")}


class NumbersInCells(Planted):
    def tables(self, record: str) -> Iterator[Table]:
        yield build("planted", "Planted", [record], [{"experiment": record}], [("experiment", lambda _: 3, True)])  # type: ignore[list-item,return-value]


class Ends(Planted):
    def compute(self, context: Context) -> str:
        raise SystemExit(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (NotANumber, "ValueError: Out of range float values are not JSON compliant"),
        (NumbersInCells, "AttributeError: 'int' object has no attribute 'split'"),
        (Ends, "SystemExit: 0"),
    ],
)
def test_outputs_that_cannot_be_written_cost_their_section_alone(
    report: Report, kind: type[Planted], why: str, tmp_path: Path
) -> None:
    whole = with_section(report, kind())
    files, without = written(whole, tmp_path / "with"), written(report, tmp_path / "without")
    assert whole.failures["planted"].startswith(why)
    assert {name for name, content in files.items() if content != without.get(name)} == {"report.html", "report.md"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of an installed distribution that names the module `planted_section`."""
    info = tmp_path / "planted-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mmbench.section]\nplanted = planted_section\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path / "planted_section.py"
    sys.modules.pop("planted_section", None)


def test_another_package_brings_one(installed: Path) -> None:
    installed.write_text(MODULE.format(name="theirs"))
    sections, broken = find_sections()
    assert "theirs" in {s.name for s in sections} and not broken


def test_a_name_that_is_taken_names_both_modules(installed: Path) -> None:
    installed.write_text(MODULE.format(name="answer"))
    with pytest.raises(UserError, match=r"'answer': mmbench\.report\.sections\.answer and planted_section"):
        find_sections()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("raise SystemExit(3)", "SystemExit"),
        ("from mmbench.report.section import *\n@section('x')\nclass X(Section): pass", "abstract"),
        ("from mmbench.report.section import section\n@section('x')\nclass X: pass", "does not inherit from Section"),
    ],
)
def test_one_that_is_no_section_is_reported(installed: Path, source: str, reason: str) -> None:
    installed.write_text(source)
    sections, (broken,) = find_sections()
    assert broken.name == "planted_section" and reason in broken.reason
    assert len(sections) > 10
