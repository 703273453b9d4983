"""The report as one offline HTML file: nothing is fetched, everything is readable without JavaScript.

The page shows what sections give and computes no statistics of its own. Styles and scripts are files beside the
templates and are put in line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from markupsafe import Markup

from mmbench.report.draw import html
from mmbench.report.draw.views import views
from mmbench.report.pages import cell_page
from mmbench.report.pages.markdown import CAVEATS
from mmbench.report.pages.report import Report
from mmbench.report.scores.context import Context
from mmbench.report.values.words import count

FIRST = 1
"""Sections up to this place stand before the contents."""
STYLES = ("tokens.css", "first.css", "figures.css", "tables.css", "controls.css", "ranks.css")
SCRIPTS = ("state.js", "views.js", "heat.js", "table.js", "pointer.js", "plot.js", "levels.js", "detail.js", "runs.js")
TEMPLATES = "mmbench.report.pages.template"


def render(report: Report, *, downloads: Iterable[str] = ()) -> str:
    """The page. downloads: paths of the other files of the report, relative to the page, to be linked."""
    a, downloads = report.context, tuple(downloads)
    shown = views(a)
    parts = _parts(report)
    contents = [(anchor, title) for _, anchor, title, _ in parts if title]
    values = {
        "a": a,
        "headline": report.headline,
        "lead": report.lead,
        "css": Markup(_join(STYLES)),
        "js": Markup(_join(SCRIPTS)),
        "data": cell_page.embedded(cell_page.data(a)),
        "eyebrow": _eyebrow(a),
        "total": a.total,
        "contents": [*contents, ("downloads", "Files")] if downloads else contents,
        "views": shown,
        "first": Markup("\n\n").join(body for order, *_, body in parts if order <= FIRST),
        "bodies": [body for order, *_, body in parts if order > FIRST],
        "downloads": _downloads(downloads),
    }
    return str(html.render(TEMPLATES, ("page.html",), values))


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


def _downloads(paths: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Files by name, each with its formats."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(paths):
        pure = PurePosixPath(path)
        found.setdefault(str(pure.with_suffix("")), []).append((pure.suffix.lstrip(".").upper() or "file", path))
    return list(found.items())
