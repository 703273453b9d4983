"""The data card as one offline HTML file, in the report's colours and type. Everything that people wrote is escaped."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmbench.data.inspect.check import Checked
from mmbench.data.inspect.pictures import examples
from mmbench.data.public.loader import Loader
from mmbench.data.split.learnability import FEW_SAMPLES

STYLES = (
    ("mmbench.report.pages", "tokens.css"),
    ("mmbench.report.pages", "tables.css"),
    ("mmbench.data.inspect", "card.css"),
)
PROBLEMS = 200
LEAKS = 100
CLASSES = 100
"""So many are shown; the command and its --json tell all."""


def render(checked: Checked, summary: dict[str, Any]) -> str:
    """The page. summary: of `mmbench.data.inspect.summary`."""
    environment = Environment(
        loader=PackageLoader("mmbench.data.inspect", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, plural=plural, code=code)
    css = "\n".join((files(package) / "template" / name).read_text(encoding="utf-8") for package, name in STYLES)
    card, made = checked.raw.card, checked.raw.made
    origin = made.origin if isinstance(made, Loader) else None
    facts = [
        ("Manifest", card.tables),
        ("Data set", card.dataset.label if card.dataset else ""),
        ("Licence", card.licence or (origin.licence if origin else "")),
        ("Source", card.source or (f"{origin.page} ({origin.revision})" if origin else "")),
        ("Citation", card.citation or (origin.citation if origin else "")),
        ("Warning", origin.warning if origin else ""),
    ]
    return environment.get_template("card.html").render(
        s=summary,
        css=Markup(css),
        facts=[(term, text) for term, text in facts if text],
        examples=examples(checked),
        problems=checked.problems[:PROBLEMS],
        leaks=[leak.problem for leak in checked.leaks[:LEAKS]],
        few=any(note.startswith(FEW_SAMPLES) for note in checked.notes),
        most_classes=CLASSES,
        version=version("mmbench"),
    )


def code(text: str) -> Markup:
    """What stands between backticks, as code; all of it escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def number(value: float | None) -> str:
    """12,345 or 0.123: as many digits as a person reads; a dash for what was not counted."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def plural(count: int, what: str) -> str:
    ending = "es" if what.endswith("s") else "s"
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}{ending}"
