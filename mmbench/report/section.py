"""A section of the report: what it computes from the shared context, and what it adds to each output.

Sections are found, not listed: every class marked with `@section(name)` in a folder of `mmbench/report/sections`, and
in the modules that installed distributions name in entry points of the group `mmbench.section`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, Generic, Literal, TypeVar

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from mmbench.errors import UserError
from mmbench.report.draw import markdown as md
from mmbench.report.draw.html import render
from mmbench.report.draw.table import Table
from mmbench.report.scores.caveats import Caveat
from mmbench.report.scores.context import Context

GROUP = "mmbench.section"
PACKAGE = "mmbench.report.sections"

Record = TypeVar("Record")
T = TypeVar("T", bound="type[Section[Any]]")


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure; its name is that of its files.

    Attributes:
        dataset: That it belongs to, None for all of them.
        caption: What it shows, in full sentences.
        use: In the report, as SVG and PDF; in reports/paper, as PDF with its caption, where it fits a page; or in both.
    """

    name: str
    figure: Figure
    dataset: str | None = None
    caption: str = ""
    use: Literal["report", "paper", "both"] = "report"


@dataclass(frozen=True, kw_only=True)
class ShowTable:
    """In Markdown: the section's table of this name, where there is one."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ShowFigure:
    """In Markdown: the section's figure of this name, where there is one. alt: what it shows."""

    name: str
    alt: str


Block = str | ShowTable | ShowFigure


class Section(ABC, Generic[Record]):
    """One section. `compute` gives its record, from which the other methods make its part of each output.

    An output that a section has nothing for is simply not overridden. Whatever raises is reported as a failure of this
    section; the rest of the report is made.

    Attributes:
        name: set by `@section`.
        title: in the page's navigation; empty for none.
        anchor: id of its element in the page; the name where it is empty.
        order: place among the sections, ascending.
        places: output ("tables", "figures", "metrics") -> place there, where it is another than `order`. Figures of
            sections with one place are ordered by data set.
        claims: probes whose quantities it shows; a probe that no section claims is shown by the section `probes`.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    anchor: ClassVar[str] = ""
    order: ClassVar[float] = 500
    places: ClassVar[Mapping[str, float]] = {}
    claims: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def compute(self, context: Context) -> Record | None:
        """What there is to show; None for nothing, and then the section is left out everywhere."""

    def tables(self, record: Record) -> Iterator[Table]:
        """Written as CSV, Markdown and LaTeX."""
        yield from ()

    def figures(self, record: Record) -> Iterator[Drawing]:
        """Written as SVG and PDF, or for papers (`Drawing.use`)."""
        yield from ()

    def page(self, record: Record) -> Iterator[Markup]:
        """HTML, one element with the id `anchor`. By default page.html in the section's folder, filled by `view`; where
        there is none, the title and the tables."""
        values = {"anchor": self.anchor or self.name, "record": record, "title": self.title or self.name}
        filled = values | {"tables": lambda: list(self.tables(record))} | dict(self.view(record))
        yield render(type(self).__module__, ("page.html", "tables.html"), filled)

    def view(self, record: Record) -> Mapping[str, Any]:
        """Names that page.html uses, in addition to `record` and `anchor`."""
        return {}

    def markdown(self, record: Record) -> Iterator[Block]:
        """Paragraphs, the heading first. By default the title and the tables, where there are any."""
        tables = list(self.tables(record))
        if tables:
            yield f"## {md.escape(self.title or self.name)}"
        yield from (ShowTable(name=table.name) for table in tables)

    def plots(self, record: Record) -> Iterator[tuple[str, pd.DataFrame]]:
        """Data for `dvc plots show`, by file name."""
        yield from ()

    def paper(self, record: Record) -> Iterator[tuple[str, str]]:
        """Text files for papers, by name: LaTeX to input, BibTeX."""
        yield from ()

    def caveats(self, record: Record) -> Iterator[Caveat]:
        """What cannot be concluded."""
        yield from ()

    def metrics(self, record: Record) -> Mapping[str, Any]:
        """The few numbers for `dvc metrics show`."""
        return {}

    def lead(self, record: Record) -> Iterator[str]:
        """Sentences under the report's headline."""
        yield from ()

    def lead_on(self, record: Record, dataset: str) -> Iterator[str]:
        """The same where the page shows one data set of several."""
        yield from ()


def section(name: str) -> Callable[[T], T]:
    """Mark a class as a section of the report."""

    def mark(cls: T) -> T:
        cls.name = name
        cls.__section__ = name  # type: ignore[attr-defined]
        return cls

    return mark


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A module that should hold a section and cannot be imported, and why."""

    name: str
    reason: str


def find_sections() -> tuple[tuple[Section[Any], ...], tuple[Broken, ...]]:
    """Every section in order, and the modules that cannot be imported. Raises UserError when two claim one name."""
    found: dict[str, Section[Any]] = {}
    broken = []
    for name in _modules():
        try:
            sections = [cls() for cls in _find_sections(importlib.import_module(name))]
        except (Exception, SystemExit) as error:
            broken.append(Broken(name=name, reason=f"cannot be imported ({type(error).__name__}: {error})"))
            continue
        for each in sections:
            if each.name in found:
                modules = f"{type(found[each.name]).__module__} and {type(each).__module__}"
                raise UserError(
                    f"two sections of the report are named {each.name!r}: {modules}; rename one, or uninstall the "
                    "package that brings it"
                )
            found[each.name] = each
    return tuple(sorted(found.values(), key=lambda s: (s.order, s.name))), tuple(broken)


def _modules() -> Iterator[str]:
    package = importlib.import_module(PACKAGE)
    yield from (f"{PACKAGE}.{m.name}" for m in pkgutil.iter_modules(package.__path__))
    yield from dict.fromkeys(e.module for e in importlib.metadata.entry_points(group=GROUP))


def _find_sections(module: ModuleType) -> Iterator[type[Section[Any]]]:
    for cls in vars(module).values():
        if inspect.isclass(cls) and "__section__" in cls.__dict__ and cls.__module__ == module.__name__:
            if not issubclass(cls, Section):
                raise TypeError(f"{cls.__qualname__} is marked with @section and does not inherit from Section")
            yield cls
