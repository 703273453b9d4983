"""README and docs: short where they are met first, complete, and without a link that leads nowhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mmbench import __version__
from mmbench.cli import cli
from mmbench.cli.variant_tables import own

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
DECISIONS = ROOT / "docs" / "decisions"


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Those that a Git host makes of headings."""
    heads = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken(page: Path) -> Iterator[str]:
    for link in LINK.findall(re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not list(broken(page))


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here it is\n[a](#here-it-is) [b](#not-here) [c](gone.md) [d](page.md)", encoding="utf-8")
    assert list(broken(page)) == ["#not-here", "gone.md"]


def test_the_readme_is_short_and_begins_with_what_it_is_a_picture_and_commands() -> None:
    readme = text(ROOT / "README.md")
    assert len(readme.split()) <= 1500
    first = readme.split("\n## ", 1)[0]
    assert first.index("Which attention") < first.index("docs/example/report.png") < first.index("make benchmark")


def test_the_numbers_of_the_readme_are_those_of_the_registries() -> None:
    counts = [len(own(axis)) for axis in ("attention", "fusion", "architecture")]
    words = " ".join(text(ROOT / "README.md").split())
    assert (
        "{} attentions, {} fusions and {} architectures, {:,} combinations".format(
            *counts, counts[0] * counts[1] * counts[2]
        )
        in words
    )
    assert len(own("dataset")) == 3 + 12 and "three embedded and twelve public data sets" in words


def test_the_index_names_every_page() -> None:
    index = text(ROOT / "docs" / "README.md")
    assert {p.name for p in (ROOT / "docs").glob("*.md")} - {"README.md"} == set(
        re.findall(r"\((\w[\w-]*\.md)\)", index)
    )


def test_the_page_of_commands_has_every_command() -> None:
    page = text(ROOT / "docs" / "commands.md")
    missing = [name for name in cli.commands if f"`mmbench {name}" not in page]
    assert not missing


def test_the_index_of_decisions_has_title_date_and_status_of_each() -> None:
    index = text(DECISIONS / "README.md")
    for file in sorted(DECISIONS.glob("0*.md")):
        title, _, dated = text(file).split("\n")[:3]
        date, _, status = dated.partition(", ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date), f"{file.name} has no date in its third line"
        assert f"| [{file.name[:4]}]({file.name}) | {title[7:]} | {date} | {status} |" in index


def test_licence_citation_and_package_agree() -> None:
    package = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    citation = yaml.safe_load(text(ROOT / "CITATION.cff"))
    assert citation["license"] == package["license"] == "Apache-2.0"
    assert "Apache License" in text(ROOT / "LICENSE")
    assert citation["version"] == __version__ and package["dynamic"] == ["version"]


def test_nothing_is_to_be_installed_from_an_index_that_lacks_it() -> None:
    for page in PAGES:
        assert not re.search(r"pip install[^\n]*\bmmbench\b", text(page)), page
