"""What to take, by what one can afford."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from mmbench.report.scores.choices import combine, joint
from mmbench.report.scores.commands import command
from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import turned
from mmbench.report.scores.controls import ahead
from mmbench.report.sections.first.record import COSTS, Pick
from mmbench.report.values.cells import MAJORITY, CellRow
from mmbench.report.values.methods import POOLING, Method
from mmbench.report.values.overall import OverallRow
from mmbench.stats.estimates import Difference, Estimate

FAR = 5
"""Margins that the smallest may lose; one that is further away is no choice."""

HIGHEST, SIMPLEST, SMALLEST, WITHOUT = "Highest score", "Simplest near the top", "Smallest", "Without attention"


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A combination that is ranked on every data set of the scope. rows: by data set."""

    method: Method
    score: Estimate
    loss: Difference | None
    rows: Mapping[str, CellRow]
    costs: Mapping[str, float]

    @property
    def near(self) -> bool:
        """Whether the lower end of its loss stays within the margin everywhere."""
        return all(row.best or row.verdict == "equal" for row in self.rows.values())

    @property
    def simplicity(self) -> float:
        """The mean of its relative costs (geometric); infinite where none is known."""
        known = [v for v in self.costs.values() if v > 0]
        return exp(sum(map(log, known)) / len(known)) if known else float("inf")

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

    unknown = sum(row.verdict in (None, "open") for c in found if c is not best for row in c.rows.values())
    decided = 2 * unknown <= sum(len(c.rows) for c in found if c is not best)
    simplest = min(near, key=lambda c: c.simplicity, default=None) if decided else None
    take(best, HIGHEST)
    take(simplest, SIMPLEST)
    take(min(small, key=lambda c: c.costs["parameters"], default=None), SMALLEST)
    if len(context.levels["attention"]) > 1:
        take(max(pooling, key=lambda c: context.scopes[dataset].scale.oriented(c.score.mean), default=None), WITHOUT)
    control = _control(context, dataset, best.method.key)
    ruled = control is not None and control.recommended
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
    return (*made, *([] if control is None else [control]))


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
        yield _Candidate(
            method=row.method,
            score=row.score,
            loss=None if row.key == best else row.to_best,
            rows=here,
            costs=dict(_relative(here, {name: own[name][best] for name in names})),
        )


def _relative(rows: Mapping[str, CellRow], best: Mapping[str, CellRow]) -> Iterator[tuple[str, float]]:
    """Each cost as a multiple of that of the best combination, the geometric mean over data sets."""
    for name in COSTS:
        ratios = []
        for dataset, row in rows.items():
            mine = getattr(row.cost, name) if row.cost else None
            other = best[dataset].cost
            its = getattr(other, name) if other else None
            if mine and its:
                ratios.append(log(mine / its))
        if len(ratios) == len(rows):
            yield name, exp(sum(ratios) / len(ratios))


def _control(context: Context, dataset: str | None, best_key: str) -> Pick | None:
    """The best control of all data sets of the scope: recommended where it does as well on each of them as the best
    combination there. best_key: of the combination that is best in the scope, from which the difference is told."""
    names = context.names if dataset is None else (dataset,)
    reports = [context.dataset(name) for name in names]
    if any(d.best is None for d in reports):
        return None
    rows = {d.name: {r.key: r for r in d.controls if r.score is not None} for d in reports}
    common = [
        key
        for key, row in rows[names[0]].items()
        if row.method.baseline != MAJORITY and all(key in found for found in rows.values())
    ]
    scale = context.scopes[dataset].scale
    if not common or scale.is_ranks:
        return None

    def mean(key: str) -> float:
        scores = [(d.scale, rows[d.name][key].score) for d in reports]
        return sum(scale.oriented(score.mean) for scale, score in scores if score is not None)

    key = max(common, key=mean)
    gains = {d.name: g for d in reports if (g := _gain(d.row(str(d.best)), key)) is not None}
    if len(gains) < len(names):
        return None
    here = {d.name: rows[d.name][key] for d in reports}
    best = {d.name: d.row(best_key) for d in reports}
    losses = {d.name: turned(g) for d in reports if (g := _gain(best[d.name], key)) is not None}
    if len(losses) < len(names):
        return None
    single = here[names[0]].method.role == "single"
    well = all(gains[d.name].verdict in ("worse", "equal") and ahead(d) is not None for d in reports)
    worst = min(losses.items(), key=lambda item: item[1].mean) if len(names) > 1 else None
    return Pick(
        labels=("One modality alone" if single else "Not a transformer",),
        method=here[names[0]].method,
        score=_average([r.score for r in here.values() if r.score is not None]),
        loss=combine(losses, context.settings),
        worst=worst,
        costs=dict(_relative(here, best)),
        recommended=well,
        command=command(context, dataset, here[names[0]].method),
    )


def _gain(best: CellRow, key: str) -> Difference | None:
    """Of the best combination over that control."""
    found = [best.gain_single, *best.gain_baselines.values()]
    return next((g for g in found if g is not None and g.reference == key), None)


def _average(scores: Sequence[Estimate]) -> Estimate:
    if len(scores) == 1:
        return scores[0]
    return Estimate(mean=sum(e.mean for e in scores) / len(scores), half=joint([e.half for e in scores]), n=len(scores))
