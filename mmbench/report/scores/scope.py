"""What an answer speaks of: one data set, or all of them together, with everything that is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mmbench.registry import GRID_AXES
from mmbench.report.scores.choices import AxisChoices, axis_choices
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.scores.interaction import Interaction, interaction
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.effects import Effects
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One data set, or all.

    Attributes:
        rows: Its combinations in order, the unranked ones last.
        axes: What each choice is worth there.
        depends: Where it depends on a leading axis what another is worth.
        worse: Combinations that are worse than the best on one of the data sets at least.
        smallest: Of the combinations that are equal to the best, and worse on no data set, the one with the fewest
            parameters, as people read it; None where sizes are not known.
        contested: data set -> its best combination, where the one that is best over all is worse on some data set.
    """

    rows: Sequence[CellRow | OverallRow]
    scale: Scale
    axes: tuple[AxisChoices, ...]
    depends: Interaction | None
    worse: frozenset[str]
    smallest: str | None
    contested: Mapping[str, str]

    @property
    def advised(self) -> tuple[AxisChoices, ...]:
        """What advice rests on: of an axis that depends on a leading one, the choices beside its leading levels."""
        inside = None if self.depends is None else self.depends.inside
        return tuple(inside if inside is not None and a.axis == inside.axis else a for a in self.axes)


def scopes_of(
    scores: Sequence[DatasetScores],
    reports: Sequence[DatasetReport],
    overall: Overall | None,
    effects: Effects,
    levels: Mapping[str, Sequence[str]],
    settings: Settings,
) -> dict[str | None, Scope]:
    """Of each data set by its name, and of all together (None). settings: over all data sets."""
    made: dict[str | None, Scope] = {}
    for field, report in zip(scores, reports, strict=True):
        axes, depends = _choices([field], levels, field.settings, effects, field.dataset)
        made[field.dataset] = _scope(report.cells, report.scale, axes, depends, [report])
    if overall is None:
        return made | ({None: next(iter(made.values()))} if made else {})
    axes, depends = _choices(scores, levels, settings, effects, None)
    return made | {None: _scope(overall.rows, overall.scale, axes, depends, reports)}


def _choices(
    fields: Sequence[DatasetScores],
    levels: Mapping[str, Sequence[str]],
    settings: Settings,
    effects: Effects,
    dataset: str | None,
) -> tuple[tuple[AxisChoices, ...], Interaction | None]:
    """What each choice on an axis is worth, and where that depends on another axis."""
    ranks = settings.scale.is_ranks
    if ranks:
        fields = [replace(f.ranks(list(f.index)), settings=f.settings) for f in fields]
    found = (axis_choices(fields, axis, levels[axis], settings) for axis in GRID_AXES)
    axes = tuple(a for a in found if a is not None)
    tables = [effects.blocked] if dataset is None else effects.per_dataset
    terms = next((t.terms for t in tables if t is not None and t.dataset == dataset), ())
    return axes, None if ranks else interaction(fields, axes, levels, terms, settings)


def _scope(
    rows: Sequence[CellRow | OverallRow],
    scale: Scale,
    axes: tuple[AxisChoices, ...],
    depends: Interaction | None,
    reports: Sequence[DatasetReport],
) -> Scope:
    own = [{r.key: r for r in report.cells} for report in reports if report.best]
    worse = frozenset(key for cells in own for key, r in cells.items() if r.verdict == "worse")
    best = next((r.key for r in rows if r.best), None)
    contested = {}
    if best in worse:
        contested = {d.name: titles.method(d.row(d.best).method) for d in reports if d.best}
    sizes: dict[str, float] = {}
    for cells in own:
        for key, r in cells.items():
            size = None if r.cost is None else r.cost.parameters
            sizes[key] = sizes.get(key, 0.0) + (float("inf") if size is None else size)
    equal = [r for r in rows if (r.best or r.verdict == "equal") and r.key not in worse and sizes.get(r.key)]
    smallest = min((r for r in equal if sizes[r.key] < float("inf")), key=lambda r: sizes[r.key], default=None)
    return Scope(
        rows=rows,
        scale=scale,
        axes=axes,
        depends=depends,
        worse=worse,
        smallest=None if smallest is None else titles.method(smallest.method),
        contested=contested,
    )
