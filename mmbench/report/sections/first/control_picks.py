"""Which controls stand beside the combinations that one may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmbench.report.scores.choices import combine, joint
from mmbench.report.scores.commands import command
from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import turned
from mmbench.report.scores.controls import ahead
from mmbench.report.sections.first.costs import relative
from mmbench.report.sections.first.record import Pick
from mmbench.report.values.cells import MAJORITY, CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.stats.estimates import Difference, Estimate, Verdict

SINGLE, BASELINE = "One modality alone", "Not a transformer"


def controls(context: Context, dataset: str | None, best_key: str) -> tuple[Pick, ...]:
    """The best control of all data sets of the scope, and the best modality alone where that suffices on each of them.

    Of those that do as well on each data set as the best combination there, the one that is named first in the answer
    is recommended: one that does better everywhere, then a single modality, since then there is nothing to fuse.
    best_key: of the combination that is best in the scope, from which the difference is told.
    """
    names = context.names if dataset is None else (dataset,)
    reports = [context.dataset(name) for name in names]
    if any(d.best is None for d in reports) or context.scopes[dataset].scale.is_ranks:
        return ()
    rows = {d.name: {r.key: r for r in d.controls if r.score is not None} for d in reports}
    common = [
        key
        for key, row in rows[names[0]].items()
        if row.method.baseline != MAJORITY and all(key in found for found in rows.values())
    ]
    if not common:
        return ()

    def mean(key: str) -> float:
        scores = [(d.scale, rows[d.name][key].score) for d in reports]
        return sum(scale.oriented(score.mean) for scale, score in scores if score is not None)

    def pick(key: str) -> Pick | None:
        here = {d.name: rows[d.name][key] for d in reports}
        return _pick(context, dataset, reports, here, best_key)

    key = max(common, key=mean)
    single = max((k for k in common if rows[names[0]][k].method.role == "single"), key=mean, default=None)
    others = [] if single in (None, key) or not _as_well(reports, str(single)) else [pick(str(single))]
    found = [p for p in (pick(key), *others) if p is not None]
    first = min(
        (p for p in found if p.recommended),
        key=lambda p: (not _stands(reports, p.method.key, "worse"), p.method.role != "single"),
        default=None,
    )
    return tuple(replace(p, recommended=p is first) for p in found)


def _pick(
    context: Context, dataset: str | None, reports: Sequence[DatasetReport], here: Mapping[str, CellRow], best_key: str
) -> Pick | None:
    """None where it was not compared with the best combination. here: its row on each data set."""
    method = here[reports[0].name].method
    best = {d.name: d.row(best_key) for d in reports}
    losses = {d.name: turned(g) for d in reports if (g := _gain(best[d.name], method.key)) is not None}
    # As of combinations: what it loses to the best of each data set.
    own = {d.name: turned(g) for d in reports if (g := _gain(d.row(str(d.best)), method.key)) is not None}
    if len(losses) < len(reports) or len(own) < len(reports):
        return None
    return Pick(
        labels=(SINGLE if method.role == "single" else BASELINE,),
        method=method,
        score=_average([r.score for r in here.values() if r.score is not None]),
        loss=combine(losses, context.settings),
        worst=min(own.items(), key=lambda item: item[1].mean) if len(reports) > 1 else None,
        costs=dict(relative(here, best)),
        recommended=_as_well(reports, method.key) and all(ahead(d) is not None for d in reports),
        command=command(context, dataset, method),
    )


def _as_well(reports: Sequence[DatasetReport], key: str) -> bool:
    """Whether that control is at least equal to the best combination of each data set."""
    return _stands(reports, key, "worse", "equal")


def _stands(reports: Sequence[DatasetReport], key: str, *verdicts: Verdict) -> bool:
    """Whether the best combination of each data set has one of these verdicts against that control."""
    gains = [_gain(d.row(str(d.best)), key) for d in reports]
    return all(g is not None and g.verdict in verdicts for g in gains)


def _gain(best: CellRow, key: str) -> Difference | None:
    """Of the best combination over that control."""
    found = [best.gain_single, *best.gain_baselines.values()]
    return next((g for g in found if g is not None and g.reference == key), None)


def _average(scores: Sequence[Estimate]) -> Estimate:
    if len(scores) == 1:
        return scores[0]
    return Estimate(mean=sum(e.mean for e in scores) / len(scores), half=joint([e.half for e in scores]), n=len(scores))
