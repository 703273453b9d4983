"""Text as HTML, and templates."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmbench.registry import GRID_AXES
from mmbench.report.draw import words
from mmbench.report.values import numbers, titles
from mmbench.report.values.datasets import origin
from mmbench.report.values.words import percent, sentence

_UNITS = re.compile(r"(?<=\d) (?=(?:k|M|G|T|s|ms|min|h|points?|seeds?)\b|%)")


def _folder(module: str) -> str:
    """Where the files of a package are; those beside a module that is a single file."""
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    if spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations))
    assert spec.origin is not None, module
    return str(Path(spec.origin).parent)


@cache
def environment(package: str) -> Environment:
    """Templates in the folder of a package or module. They may import those of `mmbench.report.draw`, where parts.html
    has the building blocks."""
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(_folder(package)), PackageLoader("mmbench.report.draw", "template")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        wrap=wrap,
        title_of=title_of,
        prose=prose,
        cell_link=cell_link,
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


def wrap(name: str) -> Markup:
    """Escaped, with titles for names, allowed to break after an underscore, but not before a dot between two names."""
    return Markup(str(escape(titles.titled(str(name)))).replace("_", "_<wbr>").replace(" · ", "\u00a0· "))


def title_of(name: str, axis: str, *, short: bool = False) -> Markup:
    """The title of a level of this axis, as `wrap` writes it."""
    known = axis in GRID_AXES
    return wrap(titles.level(axis, name, short=short) if known else name)


def prose(text: str, cell: str | None = None) -> Markup:
    """A generated sentence as the page writes it: intervals like those in the tables, and never torn from their mean.

    cell: key of a method, which the sentence then links to.
    """
    bound = _UNITS.sub("\u00a0", str(wrap(text)))
    bound = bound.replace(" ± ", "\u00a0±").replace("± ", "±")
    if cell is not None:
        name = str(wrap(cell))
        bound = bound.replace(name, f'<a class="pick told" href="{escape(cell_link(cell))}">{name}</a>', 1)
    return Markup(bound)


def cell_link(key: str) -> str:
    return "#" + urlencode({"cell": key})


def render(package: str, templates: Sequence[str], values: Mapping[str, Any]) -> Markup:
    """The first template that exists in a package or in `mmbench.report.draw`, filled. Names are escaped in it unless
    they are Markup."""
    return Markup(environment(package).select_template(list(templates)).render(values))
