"""What each choice is worth, as one table: rows are contrasts, columns all data sets and each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmbench.report.paper.tabular import Cell, Grid
from mmbench.report.scores.choices import AxisChoices, Choice
from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import turned
from mmbench.report.values import titles
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import listing
from mmbench.stats.estimates import Difference

OPEN = "\\raisebox{.3ex}{\\scriptsize$\\circ$}"
FEW = 5
"""Levels of an axis of which every two are compared; of more, each with the best."""


def contrasts(context: Context, scope: str | None = None) -> Grid | None:
    """scope: a data set, or None: all together, and each of them beside. None where nothing can be compared."""
    found = context.scopes.get(scope)
    if found is None or not any(_rows(found.axes)):
        return None
    names = [n for n in context.names if scope is None and len(context.names) > 1]
    while True:
        grid = _grid(context, scope, names)
        if grid.size is not None or not names:
            return grid if grid.size is not None else None
        names = names[:-1]


def _rows(axes: Sequence[AxisChoices]) -> Iterator[tuple[str, list[Choice]]]:
    """By axis."""
    for axis in axes:
        first = axis.levels[0]
        pairs = [c for c in axis.pairs if len(axis.levels) <= FEW or first in (c.found.subject, c.found.reference)]
        if pairs:
            yield axis.axis, pairs


def _grid(context: Context, scope: str | None, names: Sequence[str]) -> Grid:
    found = context.scopes[scope]
    rows: list[list[Cell] | None] = []
    depends = found.depends
    parts = [*_rows(found.axes), *(_rows((depends.inside, depends.outside)) if depends is not None else ())]
    for i, (axis, pairs) in enumerate(parts):
        rows += [None] if i else []
        base = "" if depends is None else depends.base.axis
        rows += [[_name(axis, c, base), *_cells(context, c, found.scale, names)] for c in pairs]
    where = scope or ("all data sets" if len(context.names) > 1 else context.names[0])
    return Grid(
        name="contrasts" if scope is None else f"contrasts-{scope}",
        caption=f"What each choice is worth on {where}: differences in {found.scale.label}, all else equal",
        notes=_notes(context, found.scale, found.axes, scope, names),
        heads=["difference", "all" if names else found.scale.label, *names],
        rows=rows,
    )


def _name(axis: str, c: Choice, base: str) -> Cell:
    """`hybrid − shared`; `early: hybrid − shared` for what it is worth beside levels of another axis, the base."""
    given = " / ".join(titles.level(base, lv, short=True) for lv in c.given)
    subject, reference = (titles.level(axis, x, short=True) for x in (c.found.subject, c.found.reference))
    return Cell(text=f"{given}: {subject} − {reference}" if given else f"{subject} − {reference}")


def _cells(context: Context, c: Choice, scale: Scale, names: Sequence[str]) -> Iterator[Cell]:
    yield cell(c.found, scale)
    for name in names:
        own = c.each.get(name)
        # Of a data set the difference is told from the same side as that of all.
        yield Cell(text="–") if own is None else cell(_same_side(own, c.found), context.scopes[name].scale)


def _same_side(own: Difference, of: Difference) -> Difference:
    return own if own.subject == of.subject else turned(own)


def cell(d: Difference, scale: Scale) -> Cell:
    """Bold where one is better, underlined where they are equal, with a circle where it is open."""
    half = "" if d.half is None else scale.width(d.half)
    decided = d.half is not None
    return Cell(
        text=scale.change(d.mean),
        half=half,
        bold=decided and d.verdict in ("better", "worse"),
        underlined=decided and d.verdict == "equal",
        mark=OPEN if decided and d.verdict == "open" else "",
    )


def _notes(context: Context, scale: Scale, axes: Sequence[AxisChoices], scope: str | None, names: Sequence[str]) -> str:
    unit = "In points" if scale.unit == "points" else f"{scale.gains_in[:1].upper()}{scale.gains_in[1:]}"
    said = [f"{unit}, ± half width of {100 * context.confidence:g} % intervals over seeds." if context.replicated else
            f"{unit}; one seed, so there are no intervals."]  # fmt: skip
    if context.replicated:
        equal = f"underlined: equal within {scale.rope_words.removeprefix('±')}; " if scale.rope > 0 else ""
        said.append(f"Bold: one is better; {equal}◦: open.")
    short = {
        titles.level(a.axis, lv, short=True): titles.level(a.axis, lv)
        for a, (_, pairs) in zip(axes, _rows(axes), strict=False)
        for c in pairs
        for lv in (c.found.subject, c.found.reference)
    }
    named = [f"{abbreviation} = {title}" for abbreviation, title in short.items() if abbreviation != title]
    if named:
        said.append(f"Here {', '.join(named)}.")
    many = [f"{len(a.levels)} levels of {a.axis}" for a in axes if len(a.levels) > FEW]
    if context.scopes[scope].depends is not None:
        said.append("Names before a colon: with these levels only, since it depends on them.")
    if many:
        said.append(f"Of {listing(many)}, only differences to the best are shown; all: tables/choices.csv.")
    lost = [n for n in context.names if scope is None and len(context.names) > 1 and n not in names]
    if lost:
        said.append(f"Not shown for want of room: {listing(lost)}.")
    return " ".join(said)
