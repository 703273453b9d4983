"""One data set: its methods in order of rank, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.coverage import Counts
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import listing

BRIEF = 40
"""Letters of a description that is a subtitle as it is; of a longer one the modalities are named."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The Pareto front of score against one cost on one data set: keys of rows from cheap to dear.

    cost: field of CellCost. label: for people, with unit. hypervolume: the share (0 to 1) that the front dominates of
    the box between the dearest and worst and the cheapest and best of what is compared, cost on a log scale; None where
    the box has no area. cheapest: the cheapest method that is not worse than the best combination, by its interval;
    None while nothing is known of that.
    """

    cost: str
    label: str
    keys: tuple[str, ...]
    hypervolume: float | None
    cheapest: str | None
    finding: str


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """One data set. rows: cells in order of rank (unranked last), then controls in order of score.

    scale: of the metric compared. curve: of the one that chooses epochs, in learning curves. beside: metrics that
    tables show next to the one compared. targets: what is predicted, in words. missing: modality -> share of
    samples without. chance: what a guess without the input scores, None where unknown; ceiling: the best possible.
    Both are of the metric compared. seeds: the seeds that every ranked row is done on (comparisons are paired over
    these). best: key of the best cell, None before there is one. top: keys of the cells that are not worse than it
    (itself included), top_all: the same with the controls in. single: key of the single modality that scores best.
    chosen: key of the cell with the best *validation* mean (what a user without test labels would pick). dropped:
    keys of cells left out of the comparison.
    """

    name: str
    description: str
    modalities: tuple[str, ...]
    carriers: tuple[str, ...]
    scale: Scale
    curve: Scale
    beside: Mapping[str, Scale]
    targets: str
    missing: Mapping[str, float]
    splits: Mapping[str, int]
    chance: float | None
    ceiling: float | None
    ceiling_why: str
    licence: str
    source: str
    citation: str
    notes: tuple[str, ...]
    data_hash: str
    seeds: tuple[int, ...]
    counts: Counts
    rows: tuple[CellRow, ...]
    best: str | None
    top: tuple[str, ...]
    top_all: tuple[str, ...]
    single: str | None
    chosen: str | None
    finding: str
    fronts: tuple[Front, ...]
    dropped: tuple[str, ...]

    @property
    def subtitle(self) -> str:
        """What to know where the name stands alone, in a few words: `only the image says it`."""
        if self.carriers and len(self.carriers) < len(self.modalities):
            one = len(self.carriers) == 1
            return f"only the {listing(self.carriers)} {'says' if one else 'say'} it"
        title = titles.level("dataset", self.name)
        if title != self.name.replace("_", " "):
            return title
        text = self.description.strip().removesuffix(".")
        return text if 0 < len(text) <= BRIEF else listing(self.modalities)

    @property
    def memory_varies(self) -> bool:
        """Whether peak memory says something: what a trial on a CPU saw is that of the whole process, whatever the
        model."""
        known = [r.cost.peak_memory for r in self.cells if r.cost and r.cost.peak_memory]
        return len(known) > 1 and max(known) > 1.2 * min(known)

    @property
    def timed_alone(self) -> bool:
        """Whether its costs were measured with nothing else running."""
        return any(r.cost is not None and r.cost.latency_us is not None for r in self.rows)

    def row(self, key: str) -> CellRow:
        """The row of that method. Raises KeyError."""
        for row in self.rows:
            if row.key == key:
                return row
        raise KeyError(key)

    @property
    def classes(self) -> int | None:
        """Among which a model chooses; None where it predicts labels or numbers."""
        number, noun = self.targets.rsplit(" ", 1)
        return int(number.replace(",", "")) if noun in ("class", "classes") else None

    @property
    def cells(self) -> tuple[CellRow, ...]:
        return tuple(r for r in self.rows if r.method.role == "cell")

    @property
    def controls(self) -> tuple[CellRow, ...]:
        return tuple(r for r in self.rows if r.method.role != "cell")


def origin(d: DatasetReport) -> str:
    """Where a data set comes from, under which licence, and how to cite it."""
    return "; ".join(x for x in (d.source, d.licence, d.citation and f"cite {d.citation}") if x)
