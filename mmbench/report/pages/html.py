"""The report as one offline HTML file: nothing is fetched, everything is readable without JavaScript.

The page shows what sections give and computes no statistics of its own. Styles and scripts are files beside the
templates and are put in line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from mmbench.report.draw import html
from mmbench.report.draw.views import ALL, View, views
from mmbench.report.pages import cell_page
from mmbench.report.pages.cell_page import Breakdowns
from mmbench.report.pages.files import embed
from mmbench.report.pages.markdown import CAVEATS
from mmbench.report.pages.report import Report
from mmbench.report.scores.context import Context
from mmbench.report.values.words import count

FIRST = 1
"""Sections up to this place stand before the contents."""
STYLES = ("tokens.css", "first.css", "figures.css", "tables.css", "controls.css", "ranks.css")
SCRIPTS = (
    *("state.js", "views.js", "heat.js", "table.js", "columns.js", "copy.js", "readout.js", "pointer.js", "plot.js"),
    *("levels.js", "targets.js", "again.js", "detail.js", "runs.js", "files.js"),
)
TEMPLATES = "mmbench.report.pages.template"


def render(report: Report, *, downloads: Iterable[str] = (), breakdowns: Breakdowns | None = None) -> str:
    """The page. downloads: paths of the other files of the report, relative to the page; those that fit
    are put into it. breakdowns: what stands behind
    the scores of `detailed` methods, where outputs are at hand."""
    a, downloads = report.context, tuple(downloads)
    shown = views(a)
    parts = _parts(report)
    found = embed(report, downloads)
    contents = [(anchor, title) for _, anchor, title, _ in parts if title]
    values = {
        "a": a,
        "headline": report.headline,
        "heads": _heads(report, shown),
        "css": Markup(_join(STYLES)),
        "js": Markup(_join(SCRIPTS)),
        "data": cell_page.embedded(cell_page.data(a, breakdowns)),
        "eyebrow": _eyebrow(a),
        "total": a.total,
        "contents": [*contents, ("downloads", "Files")] if downloads else contents,
        "views": shown,
        "first": Markup("\n\n").join(body for order, *_, body in parts if order <= FIRST),
        "bodies": [body for order, *_, body in parts if order > FIRST],
        "files": found,
        "contents_of_files": cell_page.embedded(dict(found.inside)),
    }
    return str(html.render(TEMPLATES, ("page.html",), values))


def _heads(report: Report, shown: Sequence[View]) -> list[tuple[str, str, str]]:
    """View, headline and lead: of all data sets, which a page without a script shows alone, then of each."""
    first = (ALL, report.headline, " ".join(report.lead))
    if len(shown) < 2:
        return [first]
    names = [view.name for view in shown if view.name != ALL]
    return [first, *((n, report.context.headline_on(n), " ".join(report.lead_on(n))) for n in names)]


def _parts(report: Report) -> list[tuple[float, str, str, Markup]]:
    """Order, anchor, title in the navigation, and HTML of what the page consists of."""
    found = []
    for part in report.shown:
        body, title = Markup(part.body), part.section.title
        if part.failure is not None:
            body = _explain_failure(part.anchor, title or part.name, part.failure)
        if body:
            found.append((part.section.order, part.anchor, title, body))
    for name, reason in report.unreadable.items():
        found.append((float("inf"), name, name, _explain_failure(name, name, reason)))
    caveats = html.render(TEMPLATES, ("caveats.html",), {"caveats": report.caveats}).strip()
    found.append((CAVEATS, "caveats", "Caveats", Markup(caveats)))
    return sorted(found, key=lambda x: x[0])


def _explain_failure(anchor: str, name: str, reason: str) -> Markup:
    values = {"anchor": anchor, "name": name, "reason": reason}
    return Markup(html.render(TEMPLATES, ("failed.html",), values).strip())


@cache
def _join(names: Sequence[str]) -> str:
    folder = files("mmbench.report.pages") / "template"
    return "\n".join((folder / name).read_text(encoding="utf-8").strip() for name in names)


def _eyebrow(context: Context) -> str:
    total, combinations = context.total, sum(m.role == "cell" for m in context.methods.values())
    ended = f"{total.done:,} of {total.declared:,} trials done"
    parts = [
        "mmbench",
        context.experiment if context.experiment != "mmbench" else "",
        context.date,
        count(combinations, "combination") + " of attention, fusion and architecture",
        count(len(context.datasets), "data set"),
        context.seeds_told,
        ended + (f", {total.bad:,} failed" if total.bad else ""),
        f"{total.skipped:,} skipped" if total.skipped else "",
    ]
    return " · ".join(p for p in parts if p)
