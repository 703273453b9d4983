"""The report before it is written: every section with its outputs, or with the reason why it failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import pandas as pd

from mmbench.report.draw import latex
from mmbench.report.draw.figures import Drawn, draw, style
from mmbench.report.draw.markdown import whole
from mmbench.report.draw.sheet import fits
from mmbench.report.draw.table import Table
from mmbench.report.scores.caveats import Caveat, Facts, caveats
from mmbench.report.scores.context import Context
from mmbench.report.section import PACKAGE, Block, Drawing, Section

T = TypeVar("T")

SHARED = (
    *("experiment", "scale", "confidence", "rope", "date", "commit", "headline", "partial", "seeds_declared"),
    *("factors", "coverage", "problems", "datasets", "overall", "effects", "curves", "configurations", "provenance"),
)
"""What the JSON of a report holds of the context."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A figure's files, and what its section says of it."""

    drawn: Drawn
    dataset: str | None
    caption: str
    width: float


class Part:
    """One section and its outputs, each made when it is first asked for.

    Once anything raises, `failure` says what, and all outputs are empty: a section is shown whole or not at all.
    """

    def __init__(self, section: Section[Any], context: Context) -> None:
        self.section, self.context = section, context
        self.failure: str | None = None
        self._outputs: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self.section.name

    @property
    def anchor(self) -> str:
        return self.section.anchor or self.section.name

    @property
    def shown(self) -> bool:
        """Whether there is a record, or a failure to report."""
        return self.record is not None or self.failure is not None

    def place(self, output: str) -> float:
        """Among the sections, in that output."""
        return self.section.places.get(output, self.section.order)

    @property
    def record(self) -> Any:
        return self._once("record", lambda: self.section.compute(self.context), None)

    def _once(self, output: str, make: Callable[[], T], empty: T) -> T:
        """What `make` gave; `empty` where it or any other output raised. A defect of one section must not cost the
        report, so that every exception counts."""
        if output not in self._outputs and self.failure is None:
            try:
                self._outputs[output] = make()
            except (Exception, SystemExit) as error:
                self.failure = _words(error)
        found: T = empty if self.failure is not None else self._outputs[output]
        return found

    def _from_record(self, output: str, make: Callable[[Any], T], empty: T) -> T:
        record = self.record
        return empty if record is None else self._once(output, lambda: make(record), empty)

    @property
    def tables(self) -> tuple[Table, ...]:
        return self._from_record("tables", lambda r: tuple(self.section.tables(r)), ())

    @property
    def body(self) -> str:
        """HTML."""
        return self._from_record("body", lambda r: "".join(self.section.page(r)).strip(), "")

    @property
    def markdown(self) -> tuple[Block, ...]:
        return self._from_record("markdown", lambda r: tuple(self.section.markdown(r)), ())

    @property
    def plots(self) -> tuple[tuple[str, pd.DataFrame], ...]:
        return self._from_record("plots", lambda r: tuple(self.section.plots(r)), ())

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        return self._from_record("caveats", lambda r: tuple(self.section.caveats(r)), ())

    @property
    def metrics(self) -> Mapping[str, Any]:
        nothing: dict[str, Any] = {}
        return self._from_record("metrics", lambda r: _as_json(self.section.metrics(r)), nothing)

    @property
    def lead(self) -> tuple[str, ...]:
        return self._from_record("lead", lambda r: tuple(self.section.lead(r)), ())

    def lead_on(self, dataset: str) -> tuple[str, ...]:
        return self._from_record(f"lead on {dataset}", lambda r: tuple(self.section.lead_on(r, dataset)), ())

    @property
    def figures(self) -> tuple[Placed, ...]:
        """Of the report."""
        return tuple(placed for use, placed in self._drawn if use != "paper")

    @property
    def paper_figures(self) -> tuple[Placed, ...]:
        """For papers."""
        return tuple(placed for use, placed in self._drawn if use != "report")

    @property
    def _drawn(self) -> tuple[tuple[str, Placed], ...]:
        def drawn(record: Any) -> tuple[tuple[str, Placed], ...]:
            # All within one call: a caller that stops half way would leave the style to others.
            with style():
                return tuple(_place(f) for f in self.section.figures(record) if f.use != "paper" or fits(f.figure))

        return self._from_record("figures", drawn, ())

    @property
    def paper(self) -> Mapping[str, str]:
        """Text files for papers, by name."""
        nothing: dict[str, str] = {}
        return self._from_record("paper", lambda r: dict(self.section.paper(r)), nothing)

    @property
    def texts(self) -> Mapping[str, str]:
        """The files of its tables and plots, by path."""
        nothing: dict[str, str] = {}
        return self._from_record("texts", lambda _: dict(self._texts()), nothing)

    def _texts(self) -> Iterator[tuple[str, str]]:
        for table in self.tables:
            yield f"tables/{table.name}.csv", as_csv(table.raw)
            yield f"tables/{table.name}.md", whole(table)
            yield f"tables/{table.name}.tex", latex.table(table)
        yield from ((f"plots/{name}.csv", as_csv(frame)) for name, frame in self.plots)

    def make_all(self) -> None:
        """Every output, so that a failure is known before anything is written."""
        for output in (
            "tables",
            "body",
            "markdown",
            "plots",
            "caveats",
            "metrics",
            "lead",
            "figures",
            "texts",
            "paper",
        ):
            getattr(self, output)

    def files(self) -> list[str]:
        """What it writes, without the endings of tables, figures and plots: tables/NAME, figures/NAME ..."""
        names = {
            "tables": [table.name for table in self.tables],
            "figures": [figure.drawn.name for figure in self.figures],
            "plots": [name for name, _ in self.plots],
            "paper": [*(figure.drawn.name for figure in self.paper_figures), *self.paper],
        }
        return [f"{folder}/{name}" for folder, own in names.items() for name in own]


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What all sections share, and the sections in order. unreadable: module of a section that cannot be imported ->
    why."""

    context: Context
    parts: tuple[Part, ...]
    unreadable: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        """The record of that section, None where it has nothing to show. Raises KeyError."""
        for part in self.parts:
            if part.name == name:
                return part.record
        raise KeyError(name)

    @property
    def shown(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.shown)

    @property
    def failures(self) -> Mapping[str, str]:
        """Sections that raised or cannot be imported, and why; known once all outputs are made."""
        return {part.name: part.failure for part in self.parts if part.failure is not None} | dict(self.unreadable)

    def make_all(self) -> None:
        """Every output of every section. One that would write over a file of another fails: not ours, or the later."""
        taken: dict[str, str] = {}
        for part in sorted(self.parts, key=lambda part: not type(part.section).__module__.startswith(f"{PACKAGE}.")):
            part.make_all()
            part.failure = part.failure or _why_not(part.files(), taken)
            taken |= dict.fromkeys(part.files(), part.name)

    @property
    def headline(self) -> str:
        return self.context.headline

    @property
    def lead(self) -> tuple[str, ...]:
        """Sentences under the headline."""
        return tuple(text for part in self.parts for text in part.lead)

    def lead_on(self, dataset: str) -> tuple[str, ...]:
        """Sentences under the headline of one data set."""
        return tuple(text for part in self.parts for text in part.lead_on(dataset))

    @property
    def caveats(self) -> tuple[str, ...]:
        """Of the report and of all sections, in order of weight."""
        c = self.context
        facts = Facts(
            params=c.params,
            total=c.total,
            unmeasured=c.unmeasured,
            datasets=c.datasets,
            baselines=bool((c.frame["role"] == "baseline").any()),
            why_ranks=c.why_ranks,
            origin=c.provenance,
        )
        found = [*caveats(facts), *(x for part in self.parts for x in part.caveats)]
        return tuple(x.text for x in sorted(found, key=lambda x: x.order))

    @property
    def tables(self) -> tuple[Table, ...]:
        """In the order of the files."""
        return tuple(t for part in self._by_place("tables") for t in part.tables)

    @property
    def figures(self) -> tuple[Drawn, ...]:
        """In the order of the files: within one place by data set, those of all data sets last."""
        return tuple(f.drawn for f in self._in_order(lambda part: part.figures))

    @property
    def paper_figures(self) -> tuple[Placed, ...]:
        """Those for papers, in the same order."""
        return self._in_order(lambda part: part.paper_figures)

    @property
    def paper(self) -> dict[str, str]:
        """Text files for papers, by name."""
        return {name: text for part in self.parts for name, text in part.paper.items()}

    def _in_order(self, of: Callable[[Part], tuple[Placed, ...]]) -> tuple[Placed, ...]:
        names = {d.name: i for i, d in enumerate(self.context.datasets)}
        found = [
            (part.place("figures"), names.get(str(f.dataset), len(names)), f)
            for part in self._by_place("figures")
            for f in of(part)
        ]
        return tuple(placed for *_, placed in sorted(found, key=lambda x: x[:2]))

    @property
    def metrics(self) -> dict[str, Any]:
        """For `dvc metrics show`."""
        return {key: value for part in self._by_place("metrics") for key, value in part.metrics.items()}

    def _by_place(self, output: str) -> list[Part]:
        return sorted(self.parts, key=lambda part: part.place(output))

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers, strings and None; without the frame."""
        shared = {name: as_plain(getattr(self.context, name)) for name in SHARED}
        texts = {"lead": list(self.lead), "caveats": list(self.caveats)}
        records = {part.name: as_plain(part.record) for part in self.parts if not isinstance(part.record, Context)}
        return shared | texts | {"sections": records}


def _place(f: Drawing) -> tuple[str, Placed]:
    """What a figure is for, and its files. One that is for the report, too, is for papers where it fits them."""
    use = "report" if f.use == "both" and not fits(f.figure) else f.use
    drawn = draw(f.name, f.figure, svg_too=use != "paper")
    return use, Placed(drawn=drawn, dataset=f.dataset, caption=f.caption, width=float(f.figure.get_size_inches()[0]))


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # Whatever a foreign exception says when it is asked.
        return type(error).__name__


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, if JSON can hold them. Raises ValueError or TypeError."""
    json.dumps(dict(values), allow_nan=False)
    return dict(values)


def as_csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, float_format="%.8g", lineterminator="\n"))


def _why_not(files: list[str], taken: Mapping[str, str]) -> str | None:
    """Why a section cannot write these files; None where it can. taken: file -> the section that writes it."""
    for file in files:
        if file.count("/") > 1:
            return f"it writes {file!r}: the name of a table, figure or plot cannot hold a slash"
        if file in taken:
            return f"it writes {file}, as the section {taken[file]!r} does; name it otherwise"
        if files.count(file) > 1:
            return f"it writes {file} twice; name one of them otherwise"
    return None


def as_plain(value: Any) -> Any:
    """Records as dictionaries, without the fields that do not count when records are compared."""
    if is_dataclass(value):
        return {f.name: as_plain(getattr(value, f.name)) for f in fields(value) if f.compare}
    if isinstance(value, Mapping):
        return {str(k): as_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(v) for v in value]
    return value
