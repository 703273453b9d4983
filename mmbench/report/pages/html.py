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

from mmbench.report.draw import dots, html
from mmbench.report.draw.views import View, views
from mmbench.report.pages import cell_page
from mmbench.report.pages.markdown import CAVEATS
from mmbench.report.pages.report import Report
from mmbench.report.scores.context import Context
from mmbench.report.values import numbers
from mmbench.report.values.overall import Overall

STYLES = ("tokens.css", "figures.css", "tables.css", "controls.css", "ranks.css")
SCRIPTS = ("state.js", "views.js", "heat.js", "table.js", "pointer.js", "plot.js", "levels.js", "detail.js", "runs.js")
TEMPLATES = "mmbench.report.pages.template"


def render(report: Report, *, downloads: Iterable[str] = ()) -> str:
    """The page. downloads: paths of the other files of the report, relative to the page, to be linked."""
    a, downloads = report.context, tuple(downloads)
    shown = views(a)
    parts = _parts(report)
    interval = f"mean over seeds, {numbers.percent(a.confidence)} interval"
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
        "sure": interval if a.replicated else "one seed",
        "confidence": numbers.percent(a.confidence),
        "contents": [*contents, ("downloads", "Files")] if downloads else contents,
        "views": shown,
        "keys": [(v, *_key_figure(v, a)) for v in shown],
        "bodies": [body for *_, body in parts],
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


def _key_figure(view: View, context: Context) -> tuple[str, dots.Dots]:
    """Title and figure of the first screen."""
    if isinstance(view.report, Overall):
        scales = {d.name: d.scale for d in context.datasets}
        return "Top cells over all data sets.", dots.key_figure_overall(view.report, scales)
    return f"Top cells and controls on {view.report.name}.", dots.key_figure(view.report)


@cache
def _join(names: Sequence[str]) -> str:
    folder = files("mmbench.report.pages") / "template"
    return "\n".join((folder / name).read_text(encoding="utf-8").strip() for name in names)


def _eyebrow(context: Context) -> str:
    parts = ["Comparison report", context.experiment, context.date, context.commit and context.commit[:10]]
    return " · ".join(p for p in parts if p)


def _downloads(paths: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Files by name, each with its formats."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(paths):
        pure = PurePosixPath(path)
        found.setdefault(str(pure.with_suffix("")), []).append((pure.suffix.lstrip(".").upper() or "file", path))
    return list(found.items())
