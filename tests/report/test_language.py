"""Texts that people read are plain English: phrases that were once there and read badly stay away."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as in_markdown
from tests.support.factory import OTHERS, TRUTHS, make

ROOT = Path(__file__).resolve().parents[2]
AVOID = (
    r"cannot be told",
    r"told apart",
    r"told from",
    r"coin toss",
    r"cheap to dear",
    r"together do they tell",
    r"a run of it beats",
    r"\bby nature\b",
    r"\bis asked of\b",
    r"\bclear of zero taken alone\b",
    r"as one would without",
    r"\bstands a ring\b",
    r"\bcells?\b",
)
"""`cell` is a word of the code: people read combination, method or trial."""


def words_of(page: str) -> str:
    """What a reader of the page sees."""
    text = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text.replace("<wbr>", ""))).split())


def found_in(text: str) -> list[str]:
    return [text[max(0, m.start() - 40) : m.end() + 30] for phrase in AVOID for m in re.finditer(phrase, text, re.I)]


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"seeds": 1, "truths": {"synergy": TRUTHS["synergy"]}},
        {"truths": {"rating": OTHERS["rating"], "fraud": OTHERS["fraud"], "synergy": TRUTHS["synergy"]}},
    ],
    ids=["three data sets", "one seed", "other tasks"],
)
def test_the_report_reads_well(made: dict[str, object]) -> None:
    report = analyse(**make(**made).arguments())  # type: ignore[arg-type]
    assert found_in(words_of(render(report))) == []
    markdown = "\n".join(line for line in in_markdown(report).splitlines() if not re.match(r"- \w+: \[", line))
    assert found_in(re.sub(r"\[[^\]]*\]\([^)]*\)", "", markdown)) == []


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))])
def test_the_documentation_reads_well(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    known = {"docs/your-data.md", "docs/pretrained.md", "docs/python.md", "docs/results-schema.md"}
    phrases = found_in(text)
    # There a cell is that of a table or a notebook.
    assert [p for p in phrases if page not in known or not re.search(r"\bcells?\b", p, re.I)] == []


def test_a_phrase_to_avoid_is_found() -> None:
    assert found_in("Whether it is better cannot be told.") and found_in("All cells") and not found_in("cancelled")
