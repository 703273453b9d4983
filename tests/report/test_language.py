"""Texts that people read are plain English: phrases that were once there and read badly stay away."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from mmbench.cli import cli
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
    r"\bis told\b",
    r"\btell apart\b",
    r"\bdo not tell\b",
    r"\bfor ever longer\b",
    r"\bmust not part\b",
    r"\bno group parted\b",
    r"\bclear of (zero|0)\b",
    r"\ball that one has\b",
    r"\ball there is to say\b",
    r"\bpass for more\b",
    r"\bnothing that shows\b",
    r"\bthe more so\b",
    r"\brests on (them|it) is not\b",
    r"\bwhere it is silent\b",
    r"\bhas to be mended\b",
    r"\bnothing wrong was found\b",
    r"\btrains nothing for it\b",
    r"\bas far as \w+ \w+ tells?\b",
    r"\bthe links lead nowhere\b",
    r"\bof one's own\b",
)
CODE = (r"\bcells?\b",)
"""Words of the code: people read combination, method or trial."""
SETTINGS = (
    r"\blate \((features|decisions)\)",
    r"\b(early_)?concat (is|has|minus)\b",
    r"\w against (mean )?pooling",
    r"_",
)
"""Names of settings in sentences and headings, where people read what they are called; "against" for minus."""


def prose_of(page: str) -> str:
    """Its headings, and what is said below "In words"."""
    page = page.replace("<wbr>", "")
    parts = re.findall(r"<h[1-4][^>]*>.*?</h[1-4]>|<summary>In words</summary>.*?</ul>", page, flags=re.DOTALL)
    return words_of(" ".join(parts))


def words_of(page: str) -> str:
    """What a reader of the page sees."""
    text = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text.replace("<wbr>", ""))).split())


def found_in(text: str, phrases: Sequence[str] = AVOID + CODE) -> list[str]:
    return [text[max(0, m.start() - 40) : m.end() + 30] for phrase in phrases for m in re.finditer(phrase, text, re.I)]


def literals(file: Path) -> Iterator[str]:
    """Every text in a module that a person may read: strings of several words, without docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def helps(command: click.Command, name: str = "mmbench") -> Iterator[tuple[str, str]]:
    """`--help` of a command and of all below it."""
    context = click.Context(command, info_name=name)
    yield name, command.get_help(context)
    for below, part in getattr(command, "commands", {}).items():
        yield from helps(part, f"{name} {below}")


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
    page = render(report)
    assert found_in(words_of(page)) == []
    assert "minus" in prose_of(page) and found_in(prose_of(page), SETTINGS) == []
    markdown = "\n".join(line for line in in_markdown(report).splitlines() if not re.match(r"- \w+: \[", line))
    assert found_in(re.sub(r"\[[^\]]*\]\([^)]*\)", "", markdown)) == []


def test_messages_read_well() -> None:
    found = {
        file.relative_to(ROOT).as_posix(): [x for text in literals(file) if " " in text for x in found_in(text, AVOID)]
        for file in sorted((ROOT / "mmbench").rglob("*.py"))
    }
    assert len(found) > 300 and {file: phrases for file, phrases in found.items() if phrases} == {}


def test_templates_of_pages_and_projects_read_well() -> None:
    files = [*(ROOT / "mmbench").rglob("*.html"), *(ROOT / "mmbench" / "project" / "template").glob("*.*")]
    found = {str(file): found_in(file.read_text(encoding="utf-8"), AVOID) for file in files}
    assert len(found) > 20 and {file: phrases for file, phrases in found.items() if phrases} == {}


def test_help_reads_well() -> None:
    texts = {name: re.sub(r"--(no-)?cells", "", " ".join(text.split())) for name, text in helps(cli)}
    assert len(texts) > 15 and {name: x for name, text in texts.items() if (x := found_in(text))} == {}


def test_a_phrase_in_a_message_is_found(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        '"""It is told."""\nx = 1\nprint(f"of {x} this is told")\nprint("nothing to tell apart")\n', "utf-8"
    )
    assert len([x for text in literals(file) for x in found_in(text)]) == 2


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_the_documentation_reads_well(page: str) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    known = {"docs/your-data.md", "docs/pretrained.md", "docs/python.md", "docs/results-schema.md", "CONTRIBUTING.md"}
    phrases = found_in(text)
    # There a cell is that of a table or a notebook.
    assert [p for p in phrases if page not in known or not re.search(r"\bcells?\b", p, re.I)] == []


def test_a_phrase_to_avoid_is_found() -> None:
    assert found_in(prose_of("<h2>Late (features) is best</h2>"), SETTINGS)
    assert found_in("Whether it is better cannot be told.") and found_in("All cells") and not found_in("cancelled")
