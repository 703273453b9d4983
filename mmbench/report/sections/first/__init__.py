"""The first screen: what each choice is worth, what to take, and what to know before relying on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.sheet import COLUMN, PAGE
from mmbench.report.draw.table import Table
from mmbench.report.draw.views import ALL
from mmbench.report.paper.tabular import environment
from mmbench.report.scores.advice import amount, numbers
from mmbench.report.scores.context import Context
from mmbench.report.scores.scope import Scope
from mmbench.report.section import Block, Drawing, Section, ShowTable, section
from mmbench.report.sections.first.figures import contrasts_caption, contrasts_figure
from mmbench.report.sections.first.limits import limits
from mmbench.report.sections.first.metrics import metrics
from mmbench.report.sections.first.page import screen_view
from mmbench.report.sections.first.paper import picks_grid
from mmbench.report.sections.first.picks import picks
from mmbench.report.sections.first.record import FirstScreen, Screen
from mmbench.report.sections.first.tables import choices_table, picks_table
from mmbench.report.values import titles
from mmbench.report.values.verdicts import stands
from mmbench.report.values.words import change, listing


@section("first")
class First(Section[FirstScreen]):
    """Everything that a person needs to act."""

    title = "What to use"
    order = 1
    places: ClassVar[Mapping[str, float]] = {"tables": 15, "figures": 5}

    def compute(self, context: Context) -> FirstScreen | None:
        if not any(d.best for d in context.datasets):
            return None
        names = [*([None] if context.has_all else []), *context.names]
        screens = tuple(_screen(context, name) for name in names)
        return FirstScreen(context=context, screens=screens)

    def tables(self, record: FirstScreen) -> Iterator[Table]:
        yield from choices_table(record)
        yield from picks_table(record)

    def figures(self, record: FirstScreen) -> Iterator[Drawing]:
        text = contrasts_caption(record.screens[0], record.context)
        for name, width in (("choices", PAGE), ("figure1", PAGE), ("figure1_column", COLUMN)):
            figure = contrasts_figure(record.screens[0], record.context, width)
            if figure is not None:
                yield Drawing(name=name, figure=figure, caption=text, use="report" if name == "choices" else "paper")

    def paper(self, record: FirstScreen) -> Iterator[tuple[str, str]]:
        grid = picks_grid(record.screens[0], record)
        if grid is not None:
            yield "table-picks.tex", environment(grid)

    def view(self, record: FirstScreen) -> Mapping[str, Any]:
        return {
            "a": record.context,
            "screens": [screen_view(screen, record) for screen in record.screens],
            "all": ALL,
        }

    def markdown(self, record: FirstScreen) -> Iterator[Block]:
        yield f"## {record.screens[0].worth}"
        yield ShowTable(name="choices")
        yield f"## {record.screens[0].take}"
        yield ShowTable(name="picks")
        yield "## Before you rely on it"
        yield md.bulleted([f"{x.bold} {x.text}".strip() for x in record.screens[0].limits])

    def metrics(self, record: FirstScreen) -> Mapping[str, Any]:
        return dict(metrics(record.context))

    def lead(self, record: FirstScreen) -> Iterator[str]:
        yield from record.screens[0].lead

    def lead_on(self, record: FirstScreen, dataset: str) -> Iterator[str]:
        yield from (text for screen in record.screens if screen.name == dataset for text in screen.lead)


def _lead(context: Context, name: str | None) -> Iterator[str]:
    """The sizes behind the headline: how far ahead the one best combination is, or else what choices are worth."""
    if context.short:
        return
    scope = context.scopes[name]
    ranked = [r for r in scope.rows if r.verdict is not None]
    if len(ranked) > 1 and not scope.contested and all(r.best or r.verdict == "worse" for r in ranked):
        second = ranked[1]
        if second.to_best is not None:
            lost = replace(second.to_best, mean=-second.to_best.mean)
            yield f"It is {change(lost, scope.scale).lstrip('+')} better than the next, {titles.method(second.method)}."
        return
    sizes = list(numbers(scope.advised, scope.scale, scope.depends))
    yield from sizes or _fusing(context, context.names if name is None else (name,))
    yield from _other_samples(scope)


def _fusing(context: Context, names: Sequence[str]) -> Iterator[str]:
    """What several modalities gain, where nothing is to be said of the choices among combinations."""
    gains = {
        n: g for n in names if (d := context.dataset(n)).best and (g := d.row(str(d.best)).gain_single) is not None
    }
    better = {n: g for n, g in gains.items() if g.half is not None and g.verdict == "better"}
    if not better or any(context.dataset(n).scale.is_ranks for n in better):
        return
    sizes = listing([amount(g.mean, context.dataset(n).scale) for n, g in better.items()])
    where = f"On {listing(list(better))}, the" if len(names) > 1 else "The"
    only = "is better by {} than" if any(not context.dataset(n).scale.unit for n in better) else "scores {} more than"
    yield f"{where} best combination {only.format(sizes)} the best modality alone."


def _other_samples(scope: Scope) -> Iterator[str]:
    """Where most of what each choice is worth may be the luck of a few test samples, the answer itself says so."""
    found = [stands(c.found, scope.scale.rope) for a in scope.advised for c in a.shown]
    judged = [holds for holds in found if holds is not None]
    doubtful = judged.count(False)
    if 2 * doubtful > len(judged):
        what = f"{doubtful} of these {len(judged)} verdicts" if len(judged) > 1 else "this verdict"
        yield f"With other test samples, {what} might differ."


def _screen(context: Context, name: str | None) -> Screen:
    scope = context.scopes[name]
    names = context.names if name is None else (name,)
    best = {n: context.dataset(n).row(str(d.best)) for n in names if (d := context.dataset(n)).best}
    return Screen(
        name=name,
        scale=scope.scale,
        axes=scope.axes,
        depends=scope.depends,
        lead=tuple(_lead(context, name)),
        picks=picks(context, name),
        limits=limits(context, name),
        payoff={n: row.gain_single for n, row in best.items() if row.gain_single is not None},
        brief=any(n in context.short for n in names),
    )
