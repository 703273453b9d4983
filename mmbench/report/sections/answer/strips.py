"""The whole field of every data set on one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mmbench.report.draw.axis import Tick, linear
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.numbers import NONE


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One data set's whole field: every cell a faint mark; the best, the best single modality, chance and the ceiling
    stand out. Places in %, None where there is none. value: the best score, gain: over the best single modality."""

    CROWDED: ClassVar[float] = 2.5
    """Per cent of the axis within which the two dots would hide each other."""

    name: str
    field: tuple[float, ...]
    best: float | None
    single: float | None
    chance: float | None
    ceiling: float | None
    label: str
    value: str
    gain: str

    @property
    def crowded(self) -> bool:
        """Whether the best and the best single modality lie so close that they are drawn one above the other."""
        return self.best is not None and self.single is not None and abs(self.best - self.single) < self.CROWDED


def strips(reports: Sequence[DatasetReport], *, common: bool) -> tuple[tuple[Tick, ...], tuple[Strip, ...]]:
    """A strip a data set. common: on one axis that starts at the lowest chance level shown; otherwise each on its own
    axis, without ticks, better to the right."""
    marks = {d.name: [v for v in (d.chance, d.ceiling) if v is not None] for d in reports}
    values = {d.name: [r.score.mean for r in d.rows if r.score] for d in reports}
    if common and reports:
        everything = [v for d in reports for v in (*values[d.name], *marks[d.name])]
        scale = reports[0].scale
        axis = linear(everything, pad=0.03, floor=scale.low, ceiling=scale.high)
        return axis.ticks, tuple(_strip(d, axis.at) for d in reports)
    made = []
    for d in reports:
        # A control that fell far behind what a guess scores would press all others against the edge.
        worst = [d.scale.oriented(d.chance)] if d.chance is not None else []
        shown = [v for v in values[d.name] if not worst or d.scale.oriented(v) >= worst[0]]
        axis = linear(sorted(map(d.scale.oriented, (*shown, *marks[d.name]))), pad=0.03)
        made.append(_strip(d, lambda v, axis=axis, d=d: axis.at(d.scale.oriented(v))))  # type: ignore[misc]
    return (), tuple(made)


def _strip(d: DatasetReport, at: Callable[[float], float]) -> Strip:
    means = {r.key: r.score.mean for r in d.rows if r.score}
    best = means.get(d.best) if d.best else None
    single = means.get(d.single) if d.single else None
    spoken = [f"{len(d.cells)} combinations"]
    marks = (("best", best), ("best single modality", single), ("chance", d.chance))
    spoken += [f"{what} {d.scale.number(value)}" for what, value in marks if value is not None]
    over = d.row(d.best).gain_single if d.best else None

    def place(value: float | None) -> float | None:
        return None if value is None else at(value)

    return Strip(
        name=d.name,
        field=tuple(at(r.score.mean) for r in d.cells if r.score),
        best=place(best),
        single=place(single),
        chance=place(d.chance),
        ceiling=place(d.ceiling),
        label=", ".join(spoken),
        value=NONE if best is None else d.scale.number(best),
        gain="" if over is None else f"{d.scale.change(over.mean)} over single",
    )
