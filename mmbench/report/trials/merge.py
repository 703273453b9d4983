"""Results of several machines or dates -> one set. Never "last wins": what disagrees is an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mmbench.errors import UserError
from mmbench.report.trials.machines import kind
from mmbench.report.trials.sources import Part
from mmbench.report.values.provenance import Source
from mmbench.schema.plan import Plan
from mmbench.schema.quantity import describe
from mmbench.schema.result import TrialResult


def _values(result: TrialResult) -> dict[str, object]:
    """What a trial found, by name. Times differ from run to run and machine to machine; they are no finding."""
    scores = {f"{s} {m}": v for s in ("validation", "test") for m, v in result.metrics.get(s, {}).items()}
    found = {name: v for name, v in result.quantities.items() if not describe(name, v).machine}
    return {"state": str(result.state), "best epoch": result.best_epoch, **found, **scores}


def disagreements(a: TrialResult, b: TrialResult) -> list[str]:
    """`test accuracy 0.81 and 0.82`, for whatever differs; exact, since one trial is deterministic.

    What was measured on one of them alone is no disagreement, nor are scores of the same outputs.
    """
    left, right = _values(a), _values(b)
    if a.outputs is not None and a.outputs == b.outputs:
        same = {f"{split} {name}" for result in (a, b) for split, by in result.metrics.items() for name in by}
        left, right = ({k: v for k, v in side.items() if k not in same} for side in (left, right))
    return [f"{k} {left[k]} and {right[k]}" for k in left if k in right and left[k] != right[k]]


def _unite(a: TrialResult, b: TrialResult) -> TrialResult:
    """`a` with what was measured on `b` alone."""
    splits = {**b.metrics, **a.metrics}
    metrics = {split: {**b.metrics.get(split, {}), **a.metrics.get(split, {})} for split in splits}
    elsewhere = {
        name: hardware
        for name, value in b.quantities.items()
        if name not in a.quantities
        and describe(name, value).machine
        and (hardware := b.measured_on.get(name, b.provenance.hardware)) != a.provenance.hardware
    }
    quantities, measured_on = {**b.quantities, **a.quantities}, {**elsewhere, **a.measured_on}
    return a.model_copy(update={"metrics": metrics, "quantities": quantities, "measured_on": measured_on})


def _foreign(results: Mapping[str, TrialResult], plan: Plan) -> Counter[str]:
    """Why results are not in the plan."""
    ids, named = {job.trial_id for job in plan.jobs}, {job.config.name: job for job in plan.jobs}
    why: Counter[str] = Counter()
    for result in results.values():
        job = named.get(result.config.name)
        if result.trial_id in ids:
            continue
        if job is None:
            why["not in the grid"] += 1
        elif job.config != result.config:
            why["other settings"] += 1
        elif job.data_hash != result.provenance.data_hash:
            why["other data"] += 1
        else:
            why["other source code"] += 1
    return why


def _source(part: Part, plan: Plan) -> Source:
    used = [part.results[j.trial_id] for j in plan.jobs if j.trial_id in part.results]
    foreign = dict(sorted(_foreign(part.results, plan).items()))
    if not used:
        why = ", ".join(f"{n} {reason}" for reason, n in foreign.items())
        raise UserError(
            f"none of the {len(part.results)} trials in {part.name} belongs to the plan of params.yaml ({why}); a "
            "report is made with the settings, the data and the source code that its trials ran with"
        )
    started = sorted(r.started for r in used)
    return Source(
        name=part.name,
        kind=part.kind,
        trials=len(part.results),
        used=len(used),
        foreign=foreign,
        curves=part.kind == "ledger",
        machines=tuple(sorted({kind(r.provenance.hardware) for r in used})),
        first=started[0],
        last=started[-1],
    )


def merge(parts: Sequence[Part], plan: Plan) -> tuple[dict[str, TrialResult], tuple[Source, ...]]:
    """The results of all parts by id, and what each brought. Of equal ones a ledger's is kept, since it has curves, and
    the first named of those.

    Raises UserError where two parts disagree on a trial (naming it and both places), or one has nothing that the plan
    declares.
    """
    kept: dict[str, tuple[TrialResult, Part]] = {}
    clashes = []
    for part in sorted(parts, key=lambda p: p.kind != "ledger"):
        for trial_id, result in part.results.items():
            if trial_id not in kept:
                kept[trial_id] = result, part
                continue
            other, where = kept[trial_id]
            found = disagreements(other, result)
            if not found:
                kept[trial_id] = _unite(other, result), where
            else:
                clashes.append((trial_id, result.config.name, where.place(trial_id), part.place(trial_id), found))
    if clashes:
        trial_id, name, one, two, found = clashes[0]
        more = f"; so do {len(clashes) - 1} more trials" if len(clashes) > 1 else ""
        raise UserError(
            f"trial {trial_id} ({name}) has different values in {one} and {two}: {'; '.join(found)}{more}. One trial "
            "has one result: remove it from one of them, or report them apart and use `mmbench compare`"
        )
    sources = tuple(_source(part, plan) for part in parts)
    return {trial_id: kept[trial_id][0] for trial_id in sorted(kept)}, sources
