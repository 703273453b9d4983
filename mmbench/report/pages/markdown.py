"""The report as one Markdown file: the same words and tables as the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from mmbench.report.draw.markdown import bulleted, bullets, escape, line, table_lines
from mmbench.report.draw.table import Table
from mmbench.report.pages.report import Part, Report
from mmbench.report.section import Block, ShowFigure, ShowTable
from mmbench.report.values import titles

MOST = 60
"""Rows of a table in the report; beyond, a link leads to all. Code hosts do not render files of megabytes."""

CAVEATS = 110
"""Place of the caveats, which come from all sections."""


def _files(names: Collection[str], folder: str, suffixes: Iterable[str]) -> Iterator[str]:
    for name in names:
        links = " · ".join(f"[{s.upper()}]({folder}/{name}.{s})" for s in suffixes)
        yield f"{line(name)}: {links}"


def _table(table: Table) -> Iterator[str]:
    yield f"{line(table.caption)}."
    yield "\n".join(table_lines(table, MOST))
    if len(table.shown) > MOST:
        name = table.name
        yield f"{MOST} of {len(table.shown):,} rows; all: [Markdown](tables/{name}.md), [CSV](tables/{name}.csv)"


def _block(block: Block, part: Part) -> Iterator[str]:
    if isinstance(block, ShowTable):
        yield from (text for table in part.tables if table.name == block.name for text in _table(table))
    elif isinstance(block, ShowFigure):
        if any(f.drawn.name == block.name for f in part.figures):
            yield f"![{escape(block.alt)}](figures/{block.name}.svg)"
    else:
        yield block


def _section(part: Part) -> Iterator[str]:
    blocks = [text for block in part.markdown for text in _block(block, part)]
    if part.failure is not None:
        yield from _explain_failure(part.section.title or part.name, part.failure)
    else:
        yield from blocks


def _explain_failure(name: str, reason: str) -> Iterator[str]:
    yield f"## {escape(name)}"
    yield f"**This section failed:** {escape(reason)}. The rest of this report is not affected."


def _blocks(report: Report) -> Iterator[str]:
    c = report.context
    yield f"# {escape(report.headline)}"
    yield (
        f"Comparison report · {escape(c.experiment)}"
        + (f" · {c.date}" if c.date else "")
        + (f" · commit {c.commit[:10]}" if c.commit else "")
    )
    yield from map(line, report.lead)
    before = [part for part in report.shown if part.section.order < CAVEATS]
    for part in before:
        yield from _section(part)
    yield "## Caveats"
    yield bulleted(report.caveats)
    for part in report.shown:
        if part not in before:
            yield from _section(part)
    for name, reason in report.unreadable.items():
        yield from _explain_failure(name, reason)
    yield "## Files"
    yield "Tables (LaTeX: all compile in [one document](tables/all.tex)):"
    yield bullets(_files([t.name for t in report.tables], "tables", ("csv", "md", "tex")))
    if report.figures:
        yield "Figures:"
        yield bullets(_files([f.name for f in report.figures], "figures", ("svg", "pdf")))


def render(report: Report) -> str:
    """Figures are referred to by their files in figures/. Sentences have the names of methods as people read them."""
    return "\n\n".join(titles.titled(x) for x in _blocks(report) if x) + "\n"
