"""The report as one offline HTML file: nothing is fetched, everything is readable without JavaScript.

The page shows what an Analysis holds and computes no statistics of its own. Styles and scripts lie beside the templates
as files of their own and are put in line here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmbench.report.draw import dots, heat, plots, words
from mmbench.report.pages import cell_page as drill
from mmbench.report.pages.markdown import origin
from mmbench.report.sections.aggregates import summary as aggregates
from mmbench.report.sections.all_cells import rows as table
from mmbench.report.sections.cost import length_plots as lengths
from mmbench.report.sections.effects import interactions as interact
from mmbench.report.sections.ranks import ladder
from mmbench.report.values import numbers
from mmbench.report.values.analysis import Analysis, Counts, DatasetReport, EffectTable, Question
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import percent, sentence

STYLES = ("tokens.css", "figures.css", "tables.css", "controls.css", "ranks.css")
SCRIPTS = ("state.js", "views.js", "heat.js", "table.js", "pointer.js", "plot.js", "levels.js", "detail.js", "runs.js")
PROBLEMS = 200
"""Failures listed in the page; the CSV file has them all."""
LABEL_GAP = 6.0
"""Height of a label at a curve's end, in per cent of the plot."""
TIGHT_GAP = 7.6
"""The same in an interaction plot, which is lower."""
ALL = "all"
_UNITS = re.compile(r"(?<=\d) (?=(?:k|M|G|T|s|ms|min|h|points?|seeds?)\b|%)")


@dataclass(frozen=True, kw_only=True)
class View:
    """One data set, or all of them together: what the switch switches between. note: on its scale, or nothing."""

    name: str
    label: str
    title: str
    finding: str
    scale: Scale
    note: str
    key_title: str
    key_figure: dots.Dots
    heats: heat.Heats
    table: table.Table


@dataclass(frozen=True, kw_only=True)
class Name:
    """Where a figure belongs: the data set's name (or "all") and how a caption says it."""

    name: str
    title: str
    scale: Scale


@dataclass(frozen=True, kw_only=True)
class QuestionView:
    title: str
    finding: str
    sentences: tuple[str, ...]
    dropped: tuple[str, ...]
    figures: tuple[tuple[Name, dots.Dots], ...]


@dataclass(frozen=True, kw_only=True)
class EffectView:
    finding: str
    terms: tuple[object, ...]
    dropped: tuple[str, ...]
    levels: tuple[tuple[str, dots.Dots], ...]
    pairs: tuple[heat.Heat, ...]
    plots: tuple[interact.Interaction, ...]


def render(analysis: Analysis, *, downloads: Iterable[str] = ()) -> str:
    """The page. downloads: paths of the other files of the report, relative to the page, to be linked."""
    downloads = tuple(downloads)
    views = _views(analysis)
    names = [Name(name=d.name, title=d.name, scale=d.scale) for d in analysis.datasets]
    shared = len({d.scale.metric for d in analysis.datasets}) == 1 and not analysis.scale.is_ranks
    strip_ticks, strips = dots.strips(analysis.datasets, common=shared) if analysis.datasets else ((), ())
    paretos = [(n, _paretos(d)) for n, d in zip(names, analysis.datasets, strict=True)]
    curve_plots = [(n, _curves(analysis, d)) for n, d in zip(names, analysis.datasets, strict=True)]
    page = _environment().get_template("page.html")
    return page.render(
        a=analysis,
        css=Markup(_joined(STYLES)),
        js=Markup(_joined(SCRIPTS)),
        data=drill.embedded(drill.data(analysis)),
        eyebrow=_eyebrow(analysis),
        total=analysis.total,
        shared=shared,
        points_only=all(d.scale.unit == "points" for d in analysis.datasets),
        rope=_rope(analysis),
        score_word="higher" if all(d.scale.higher for d in analysis.datasets) else "better",
        curve_metric=words.one_or((d.curve.label for d in analysis.datasets), "the main metric"),
        sure=f"mean over seeds, {numbers.percent(analysis.confidence)} interval" if analysis.replicated else "one seed",
        confidence=numbers.percent(analysis.confidence),
        contents=_contents(bool(downloads)),
        views=views,
        answer_heading=_answer_heading(analysis),
        strip_ticks=strip_ticks,
        strips=list(zip(analysis.datasets, strips, strict=True)),
        coverage_heading=_coverage_heading(analysis.total),
        causes=words.CAUSES,
        problems=analysis.problems[:PROBLEMS],
        questions=[_question(q, analysis) for q in analysis.questions],
        effects=_effects(analysis),
        ladders=[ladder.ladder(t) for t in analysis.ranks.tables],
        summaries=[aggregates.summary(t, analysis.aggregates.scale) for t in analysis.aggregates.tables],
        cost_heading=f"What a {'higher' if all(d.scale.higher for d in analysis.datasets) else 'better'} score costs",
        paretos=paretos,
        costs=list(dict.fromkeys((p.cost, p.short) for _, group in paretos for p in group)),
        lengths=[lengths.lengths(part, gap=LABEL_GAP) for part in analysis.lengths],
        curves_heading="How fast each level learns",
        curve_plots=curve_plots,
        factors=list(dict.fromkeys(c.title for _, group in curve_plots for c in group)),
        filters=_filters(analysis),
        provenance=_provenance(analysis),
        downloads=_downloads(downloads),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("mmbench.report.pages", "template"),
                PackageLoader("mmbench.report.draw", "template"),
                PackageLoader("mmbench.report.sections", ""),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        wrap=_wrap,
        prose=_prose,
        cell_link=_cell_link,
        plural=words.plural,
        score=numbers.score,
        upfirst=sentence,
        origin=origin,
        percent=numbers.percent,
        share=percent,
        whole="{:,}".format,
        p_value=lambda p: numbers.p_value(p).removeprefix("p = ").removeprefix("p "),
        sentence=lambda text: sentence(text).rstrip(".") + ".",
    )
    return environment


@cache
def _joined(names: Sequence[str]) -> str:
    folder = files("mmbench.report.pages") / "template"
    return "\n".join((folder / name).read_text(encoding="utf-8").strip() for name in names)


def _wrap(name: str) -> Markup:
    """Escaped, allowed to break after an underscore, but not before a dot between two names."""
    return Markup(str(escape(name)).replace("_", "_<wbr>").replace(" · ", "\u00a0· "))


def _prose(text: str, cell: str | None = None) -> Markup:
    """A generated sentence as the page writes it: intervals like those in the tables, and never torn from their mean.

    cell: key of a method, which the sentence then links to.
    """
    bound = _UNITS.sub("\u00a0", str(_wrap(text)))
    bound = bound.replace(" ± ", "\u00a0±").replace("± ", "±")
    if cell is not None:
        name = str(_wrap(cell))
        bound = bound.replace(name, f'<a class="pick told" href="{escape(_cell_link(cell))}">{name}</a>', 1)
    return Markup(bound)


def _cell_link(key: str) -> str:
    return "#" + urlencode({"cell": key})


def _contents(downloads: bool) -> list[tuple[str, str]]:
    parts = [
        ("answer", "Answer"),
        ("coverage", "Coverage"),
        ("heatmaps", "Heatmaps"),
        ("questions", "Questions"),
        ("effects", "Effects"),
        ("ranks", "Ranks"),
        ("aggregates", "Aggregates"),
        ("cost", "Cost"),
        ("curves", "Curves"),
        ("table", "All cells"),
        ("caveats", "Caveats"),
        ("method", "Method"),
        ("provenance", "Provenance"),
    ]
    return [*parts, ("downloads", "Files")] if downloads else parts


def _eyebrow(analysis: Analysis) -> str:
    parts = ["Comparison report", analysis.experiment, analysis.date, analysis.commit and analysis.commit[:10]]
    return " · ".join(p for p in parts if p)


def _rope(analysis: Analysis) -> str:
    """The region of practical equivalence, in each data set's unit where they differ."""
    said = {d.scale.rope_words: d for d in analysis.datasets}
    if len(said) < 2:
        return next(iter(said), f"±{100 * analysis.rope:g} points")
    return ", ".join(f"{d.scale.rope_words} on {d.name}" for d in analysis.datasets)


def _answer_heading(analysis: Analysis) -> str:
    if len(analysis.datasets) == 1:
        return f"What to use on {analysis.datasets[0].name}"
    return "What to use, data set by data set"


def _coverage_heading(total: Counts) -> str:
    if total.done == total.declared:
        return f"All {total.declared:,} declared trials are done"
    gaps = [(total.bad, "failed"), (total.pending, "not run"), (total.skipped, "skipped")]
    said = ", ".join(f"{n:,} {what}" for n, what in gaps if n)
    return f"{total.done:,} of {total.declared:,} declared trials are done: {said}"


def _has_all(analysis: Analysis) -> bool:
    """Whether there is something to say about all data sets together."""
    return analysis.overall is not None and len(analysis.datasets) > 1


def _views(analysis: Analysis) -> list[View]:
    views = [_dataset_view(analysis, d) for d in analysis.datasets]
    overall = analysis.overall
    if overall is None or not _has_all(analysis):
        return views
    scales = {d.name: d.scale for d in analysis.datasets}
    whole = View(
        name=ALL,
        label="All data sets",
        title=f"Mean {'rank ' if overall.scale.is_ranks else ''}over {words.plural(len(overall.datasets), 'data set')}",
        finding=overall.finding,
        scale=overall.scale,
        note=f"Ranks are compared, not scores: {overall.why_ranks}." if overall.why_ranks else "",
        key_title="Top cells over all data sets.",
        key_figure=dots.key_figure_overall(overall, scales),
        heats=heat.of_overall(analysis, overall),
        table=table.of_overall(overall, scales),
    )
    # The first is what a reader lands on: while no cell is complete everywhere, that is a data set.
    return [whole, *views] if overall.best is not None else [*views, whole]


def _dataset_view(analysis: Analysis, report: DatasetReport) -> View:
    return View(
        name=report.name,
        label=report.name,
        title=report.name,
        finding=report.finding,
        scale=report.scale,
        note="" if report.scale.higher else "Lower is better, and the colours run from worst to best.",
        key_title=f"Top cells and controls on {report.name}.",
        key_figure=dots.key_figure(report),
        heats=heat.of_dataset(analysis, report),
        table=table.of_dataset(report),
    )


def _question(question: Question, analysis: Analysis) -> QuestionView:
    figures = []
    if question.overall and _has_all(analysis):
        title = f"Over {words.plural(len(analysis.datasets), 'data set')}, each counted once"
        title += ", in ranks" if question.scale.is_ranks else ""
        name = Name(name=ALL, title=title, scale=question.scale)
        figures.append((name, dots.differences(question.overall, question.scale)))
    for dataset, values in question.per_dataset.items():
        if values:
            scale = question.scales[dataset]
            title = f"On {dataset}" if scale.unit else f"On {dataset}, {scale.label}"
            figures.append((Name(name=dataset, title=title, scale=scale), dots.differences(values, scale)))
    return QuestionView(
        title=question.title,
        finding=question.finding,
        sentences=question.sentences,
        dropped=question.dropped,
        figures=tuple(figures),
    )


def _effects(analysis: Analysis) -> list[tuple[Name, EffectView]]:
    blocked = analysis.effects.blocked if _has_all(analysis) else None
    tables = [*([blocked] if blocked else []), *analysis.effects.per_dataset]
    return [(_effect_name(t), _effect_view(t)) for t in tables]


def _effect_name(effect: EffectTable) -> Name:
    if effect.dataset is None:
        title = f"All data sets{' by rank' if effect.scale.is_ranks else ''}, the data set as block"
        return Name(name=ALL, title=title, scale=effect.scale)
    return Name(name=effect.dataset, title=effect.dataset, scale=effect.scale)


def _effect_view(effect: EffectTable) -> EffectView:
    factors = dict.fromkeys(m.factor for m in effect.means)
    return EffectView(
        finding=effect.finding,
        terms=effect.terms,
        dropped=effect.dropped,
        levels=tuple((f, dots.levels(f, effect.means, effect.scale)) for f in factors),
        pairs=heat.of_pairs(effect),
        plots=interact.interactions(effect, gap=TIGHT_GAP),
    )


def _paretos(report: DatasetReport) -> list[plots.Pareto]:
    return [p for front in report.fronts if (p := plots.pareto(report, front))]


def _curves(analysis: Analysis, report: DatasetReport) -> list[plots.Curves]:
    kinds = [f.name for f in analysis.factors]
    return [c for kind in kinds if (c := plots.curves(analysis, report, kind, gap=LABEL_GAP))]


def _filters(analysis: Analysis) -> list[tuple[str, list[tuple[str, str]]]]:
    roles: set[str] = {r.method.role for d in analysis.datasets for r in d.rows}
    labels: dict[str, str] = {"cell": "cells", "single": "single modalities", "baseline": "baselines"}
    groups = [("show", [(role, label) for role, label in labels.items() if role in roles])]
    groups += [(f.name, [(level, level) for level in f.by_score]) for f in analysis.factors]
    return [(name, levels) for name, levels in groups if len(levels) > 1]


def _provenance(analysis: Analysis) -> list[tuple[str, str]]:
    p = analysis.provenance
    dirty = {True: " (with uncommitted changes)", False: "", None: ""}[p.dirty]
    rows = [
        ("Commit", ", ".join(p.commits) + dirty if p.commits else "not recorded"),
        ("Data", "\n".join(f"{name} {value}" for name, value in p.data_hashes.items())),
        ("Source", f"{words.plural(p.fingerprints, 'fingerprint')} of the code that the cells reach"),
        ("Versions", ", ".join(f"{name} {' / '.join(v)}" for name, v in p.versions.items())),
        ("Hardware", "; ".join(p.hardware)),
        ("Seeds", ", ".join(str(s) for s in p.seeds)),
        ("Time", f"{numbers.seconds(p.hours * 3600)} of trials, summed"),
        ("Run", f"{_minute(p.first)} to {_minute(p.last)}" if p.first and p.last else ""),
    ]
    return [(term, text) for term, text in rows if text]


def _minute(moment: str) -> str:
    """An ISO 8601 moment as `2026-11-22 10:00 UTC`."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _downloads(paths: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Files by name, each with its formats."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(paths):
        pure = PurePosixPath(path)
        found.setdefault(str(pure.with_suffix("")), []).append((pure.suffix.lstrip(".").upper() or "file", path))
    return list(found.items())
