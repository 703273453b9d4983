"""What to take, by what one can afford."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log

from mmbench.report.scores.commands import command
from mmbench.report.scores.context import Context
from mmbench.report.sections.first.control_picks import controls
from mmbench.report.sections.first.costs import COUNTED, relative
from mmbench.report.sections.first.record import Pick
from mmbench.report.values.cells import CellRow
from mmbench.report.values.methods import POOLING, Method
from mmbench.report.values.overall import OverallRow
from mmbench.stats.estimates import Difference, Estimate

FAR = 5
"""Margins that the smallest may lose; one that is further away is no choice."""

HIGHEST, SIMPLEST, SMALLEST, WITHOUT = "Highest score", "Simplest near the top", "Smallest", "Without attention"


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A combination that is ranked on every data set of the scope. rows: by data set. simplicity: the geometric mean of
    its relative costs that are counted and not timed, so that a second run picks the same; infinite where none is
    known."""

    method: Method
    score: Estimate
    loss: Difference | None
    rows: Mapping[str, CellRow]
    costs: Mapping[str, float]
    simplicity: float

    @property
    def near(self) -> bool:
        """Whether the lower end of its loss stays within the margin everywhere."""
        return all(row.best or row.verdict == "equal" for row in self.rows.values())

    @property
    def worst(self) -> tuple[str, Difference] | None:
        losses = {name: row.to_best for name, row in self.rows.items() if row.to_best is not None}
        if len(self.rows) < 2 or not losses:
            return None
        name = min(losses, key=lambda n: losses[n].mean)
        return name, losses[name]


def picks(context: Context, dataset: str | None) -> tuple[Pick, ...]:
    """On a data set, or (None) on all together; empty while no combination is complete."""
    found = list(_candidates(context, dataset))
    best = next((c for c in found if c.loss is None), None)
    if best is None:
        return ()
    near = [c for c in found if c.near]
    rope = context.scopes[dataset].scale.rope
    small = [c for c in found if "parameters" in c.costs and (c.loss is None or -c.loss.mean <= FAR * rope)]
    pooling = [c for c in found if c.method.attention == POOLING]
    chosen: dict[str, tuple[_Candidate, list[str]]] = {}

    def take(candidate: _Candidate | None, label: str) -> None:
        if candidate is not None:
            chosen.setdefault(candidate.method.key, (candidate, []))[1].append(label)

    verdicts = [row.verdict for c in found if c is not best for row in c.rows.values()]
    # Nothing is recommended of one alone.
    decided = 0 < len(verdicts) >= 2 * sum(verdict in (None, "open") for verdict in verdicts)
    simplest = min(near, key=lambda c: c.simplicity, default=None) if decided else None
    take(best, HIGHEST)
    take(simplest, SIMPLEST)
    take(min(small, key=lambda c: c.costs["parameters"], default=None), SMALLEST)
    if len(context.levels["attention"]) > 1:
        take(max(pooling, key=lambda c: context.scopes[dataset].scale.oriented(c.score.mean), default=None), WITHOUT)
    beside = controls(context, dataset, best.method.key)
    ruled = any(p.recommended for p in beside)
    made = [
        Pick(
            labels=tuple(labels),
            method=c.method,
            score=c.score,
            loss=c.loss,
            worst=c.worst,
            costs=c.costs,
            recommended=c is simplest and not ruled,
            command=command(context, dataset, c.method),
        )
        for c, labels in chosen.values()
    ]
    # Of models that were trained too briefly nothing is ranked, so nothing is recommended either.
    short = any(name in context.short for name in (context.names if dataset is None else (dataset,)))
    return tuple(replace(p, recommended=False) if short else p for p in (*made, *beside))


def _rows(context: Context, dataset: str | None) -> Sequence[CellRow | OverallRow]:
    return context.scopes[dataset].rows


def _candidates(context: Context, dataset: str | None) -> Iterator[_Candidate]:
    names = context.names if dataset is None else (dataset,)
    own = {name: {r.key: r for r in context.dataset(name).rows} for name in names}
    rows = [r for r in _rows(context, dataset) if r.score is not None and (isinstance(r, OverallRow) or r.ranked)]
    best = next((r.key for r in rows if r.best), None)
    if best is None:
        return
    for row in rows:
        here = {name: own[name][row.key] for name in names if row.key in own[name]}
        if len(here) < len(names) or row.score is None or (row.key != best and row.to_best is None):
            continue
        reference = {name: own[name][best] for name in names}
        counted = [log(v) for _, v in relative(here, reference, COUNTED)]
        yield _Candidate(
            method=row.method,
            score=row.score,
            loss=None if row.key == best else row.to_best,
            rows=here,
            costs=dict(relative(here, reference)),
            simplicity=exp(sum(counted) / len(counted)) if counted else inf,
        )
