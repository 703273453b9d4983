"""The report as one Markdown file: the same words and tables as the page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from mmbench.report.draw.table import Table
from mmbench.report.scores.caveats import source_words
from mmbench.report.values.analysis import Analysis, DatasetReport
from mmbench.report.values.words import listing

MOST = 60
"""Rows of a table in the report; beyond, a link leads to all. Code hosts do not render files of megabytes."""

_MARKUP = re.compile(r"[\\`*\[\]<>|~$&]|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^([#+=-]|\d+(?=[.)]))")


def escape(text: str) -> str:
    """Text that a code host shows as it is: no markup, no HTML, no formula. `scaled_dot_product` needs no escapes."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def line(text: str) -> str:
    """The same for what begins a line, where `1.` or `-` would begin a list."""
    return _START.sub(lambda m: f"{m[0]}\\" if m[0].isdigit() else f"\\{m[0]}", escape(text))


def _lines(table: Table, most: int | None = None) -> Iterator[str]:
    columns = [str(c) for c in table.shown.columns]
    yield "| " + " | ".join(map(escape, columns)) + " |"
    yield "| " + " | ".join("--:" if c in table.numeric else ":--" for c in columns) + " |"
    for i, row in enumerate(table.shown.head(most or len(table.shown)).to_numpy().tolist()):
        cells = [f"**{escape(c)}**" if i in table.best and c.strip() else escape(c) for c in row]
        yield "| " + " | ".join(cells) + " |"


def whole(table: Table) -> str:
    """A pipe table; numbers right, the best rows in bold."""
    return "\n".join(_lines(table)) + "\n"


def _files(names: Collection[str], folder: str, suffixes: Iterable[str]) -> Iterator[str]:
    for name in names:
        links = " · ".join(f"[{s.upper()}]({folder}/{name}.{s})" for s in suffixes)
        yield f"{line(name)}: {links}"


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {x}" for x in items)


def _words(items: Iterable[str]) -> str:
    return _bullets(map(line, items))


def _figure(name: str, alt: str, figures: Collection[str]) -> Iterator[str]:
    if name in figures:
        yield f"![{escape(alt)}](figures/{name}.svg)"


def _said(refused: str | None, dropped: Iterable[str]) -> Iterator[str]:
    """Why there is nothing, or what is missing from what there is."""
    if refused:
        yield refused
    elif dropped:
        yield f"**The grid is incomplete:** {'; '.join(dropped)}. What is missing could change the order."


def origin(d: DatasetReport) -> str:
    """Where a data set comes from, under which licence, and how to cite it."""
    return "; ".join(x for x in (d.source, d.licence, d.citation and f"cite {d.citation}") if x)


def _parts(a: Analysis, tables: Mapping[str, Table], figures: Collection[str]) -> Iterator[str]:
    def table(name: str) -> Iterator[str]:
        if name in tables:
            found = tables[name]
            yield f"{line(found.caption)}."
            yield "\n".join(_lines(found, MOST))
            if len(found.shown) > MOST:
                yield (
                    f"{MOST} of {len(found.shown):,} rows; all: [Markdown](tables/{name}.md), [CSV](tables/{name}.csv)"
                )

    yield f"# {escape(a.headline)}"
    yield (
        f"Comparison report · {escape(a.experiment)}"
        + (f" · {a.date}" if a.date else "")
        + (f" · commit {a.commit[:10]}" if a.commit else "")
    )
    yield from map(line, a.lead)
    yield "## Answer"
    for d in a.datasets:
        yield f"### {escape(d.finding)}"
        yield _words(d.answer)
    if a.overall is not None:
        yield f"### {escape(a.overall.finding)}"
    yield from _figure("top", "The best cells and the controls", figures)
    yield "## Coverage"
    yield from table("coverage")
    yield from table("problems")
    yield "## All cells"
    for d in a.datasets:
        yield f"### {escape(d.name)}"
        yield line(d.description)
        yield from table(f"cells_{d.name}")
        yield from _figure(f"heatmap_{d.name}", f"{d.name}: every cell", figures)
    if a.overall is not None:
        yield "### Over all data sets"
        yield from table("overall")
    yield "## The article's questions"
    for q in a.questions:
        yield f"### {escape(q.finding)}"
        yield f"*{escape(q.title)}*"
        if q.sentences:
            yield _words(q.sentences)
    yield from table("questions")
    yield "## Main effects and interactions"
    yield line(a.effects.winner_sentence)
    effects = [*a.effects.per_dataset, *([a.effects.blocked] if a.effects.blocked else [])]
    yield _words(f"{e.dataset or 'All data sets'}: {e.finding}." for e in effects) or "Nothing to compare yet."
    for e in effects:
        if e.dropped:
            yield _words(f"{e.dataset or 'All data sets'}: {x}." for x in e.dropped)
    yield from table("effects")
    yield from table("marginal_means")
    yield from _figure("marginal_means", "Marginal means of every level", figures)
    yield "## Ranks over data sets"
    yield f"{a.ranks.finding}."
    yield from _said(a.ranks.refused, a.ranks.dropped)
    yield _bullets(x for t in a.ranks.tables for x in (f"{t.finding}.", t.withheld) if x)
    yield from table("ranks")
    yield from table("rank_tests")
    yield from _figure("ranks", "Mean ranks of every level", figures)
    yield "## Summaries over data sets"
    yield from _said(a.aggregates.refused, a.aggregates.dropped)
    yield _bullets(f"{t.finding}." for t in a.aggregates.tables)
    yield from table("aggregates")
    yield from _figure("aggregates", "Inter-quartile means and probabilities of improvement", figures)
    yield from _figure("profiles", "Performance profiles", figures)
    yield "## Cost"
    for d in a.datasets:
        if d.fronts:
            yield _words(f"{d.name}: {f.finding}." for f in d.fronts)
        yield from _figure(f"pareto_{d.name}", f"{d.name}: score against cost", figures)
    yield from table("pareto")
    for part in a.lengths:
        yield f"### {escape(part.finding)}"
        yield from _figure(f"length_{part.device}", f"Cost against length, {part.device}", figures)
        yield from table(f"length_{part.device}")
    yield "## Learning curves"
    for d in a.datasets:
        yield from _figure(f"curves_{d.name}", f"{d.name}: validation {d.curve.label} by epoch", figures)
    if a.epochs == 1:
        yield "Every trial ran one epoch, so there is no curve to draw."
    yield "## Caveats"
    yield _words(a.caveats)
    yield "## Provenance"
    p = a.provenance
    yield _words(
        [
            f"commits: {listing(p.commits)}" + (" (working tree changed)" if p.dirty else ""),
            *(f"data {name}: {value}" for name, value in p.data_hashes.items()),
            *(f"{d.name}: {origin(d)}" for d in a.datasets if origin(d)),
            *(f"{package}: {', '.join(found)}" for package, found in p.versions.items()),
            *(f"hardware: {h}" for h in p.hardware),
            *(f"source: {source_words(s)}" for s in p.sources),
            f"seeds: {listing([str(s) for s in p.seeds], most=20)}",
            f"trial time: {p.hours:.2f} h; {p.fingerprints} fingerprints of the source",
            f"first trial: {p.first or '–'}; last trial: {p.last or '–'}",
            "budget: " + ", ".join(f"{k} {v}" for k, v in p.budget.items()),
        ]
    )
    yield (
        "Every number traces to trials: by the column `trial_ids` of the tables of cells (CSV), and in "
        "[results.parquet](results.parquet), a row a trial."
    )
    yield "## Files"
    yield "Tables (LaTeX: all compile in [one document](tables/all.tex)):"
    yield _bullets(_files(tables, "tables", ("csv", "md", "tex")))
    if figures:
        yield "Figures:"
        yield _bullets(_files(figures, "figures", ("svg", "pdf")))


def render(analysis: Analysis, tables: Iterable[Table], figures: Iterable[str]) -> str:
    """figures: names of the SVG files in figures/."""
    return "\n\n".join(x for x in _parts(analysis, {t.name: t for t in tables}, tuple(figures)) if x) + "\n"
