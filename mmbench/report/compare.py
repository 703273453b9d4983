"""Two sets of results, cell by cell: what changed, whether that is more than noise, and what else differs.

The difference of a cell is paired by seed (same split, same order, same initial draw), with Student's t on the
differences. With few seeds the variance of one cell's differences says little, so it is moderated towards that of the
data set's other cells and never below its own (docs/decisions/0004, point 3). Unlike there, what a seed does to all
cells alike is left in: between two versions of code or data it need not cancel. Holm over the cells of a data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from mmbench.report.trials.origins import Fact, facts
from mmbench.report.trials.sources import Part
from mmbench.report.values.scale import Scale, scale_of
from mmbench.report.values.words import count, listing
from mmbench.schema.metric import METRICS
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import Role
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Estimate, Verdict
from mmbench.stats.moderation import moderate

Cell = tuple[str, str]
"""Data set and method."""

Trials = Mapping[int, TrialResult]
"""Of one cell, by seed."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One cell on both sides. kind: "same" = the very same trials; "equal" = other trials with the same scores on every
    shared seed; "changed"; "unpaired" = no seed is done on both. old, new: over the shared seeds (where there are none,
    over each side's own). difference: new - old, positive is better; n: shared seeds."""

    dataset: str
    method: str
    role: Role
    kind: Literal["same", "equal", "changed", "unpaired"]
    old: Estimate | None
    new: Estimate | None
    difference: Difference | None

    @property
    def real(self) -> bool:
        """More than noise."""
        return self.difference is not None and self.difference.verdict in ("better", "worse")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A trial that is on both sides, done on one and not on the other."""

    name: str
    old: str
    new: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """changes: cells on both sides, data set by data set, the surest first. added, gone: cells that only NEW or only
    OLD has. turns: trials that broke or were mended. facts: what differs in where the numbers come from. notes: what
    was decided on the way."""

    old: str
    new: str
    confidence: float
    scales: Mapping[str, Scale]
    finding: str
    changes: tuple[Change, ...]
    added: tuple[Cell, ...]
    gone: tuple[Cell, ...]
    turns: tuple[Turn, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        for change, source in zip(plain["changes"], self.changes, strict=True):
            change["more_than_noise"] = source.real
        return plain


def versions(part: Part) -> tuple[dict[Cell, Trials], list[str]]:
    """The trials of each cell, all of one version of settings, data and source: of several the newest, and a note. Of
    studies only what params.yaml says, configuration 0; of a budget ladder only the data set's own budget; of the
    search for a budget nothing else than that."""
    found: dict[Cell, dict[tuple[str, str, str], dict[int, TrialResult]]] = {}
    drawn = 0
    for trial_id, result in part.results.items():
        config = result.config
        if config.budget != 1 or trial_id in part.searched:
            continue
        if config.configuration:
            drawn += 1
            continue
        settings = config.model_copy(update={"seed": 0}).canonical()
        version = settings, result.provenance.data_hash, result.provenance.fingerprint
        found.setdefault((config.dataset, config.cell), {}).setdefault(version, {})[config.seed] = result
    chosen: dict[Cell, Trials] = {
        cell: max(each.items(), key=lambda x: (max(r.started for r in x[1].values()), x[0]))[1]
        for cell, each in sorted(found.items())
    }
    many = sum(len(each) > 1 for each in found.values())
    notes = []
    if many:
        what = f"several versions of {count(many, 'method')} (settings, data or source differ)"
        notes.append(f"{part.name} holds {what}; the newest of each is compared")
    if drawn:
        notes.append(f"{part.name} holds {count(drawn, 'trial')} of configurations that tuning drew; they are left out")
    return chosen, notes


def _metric(dataset: str, old: Part, new: Part, trials: Sequence[TrialResult]) -> tuple[str, list[str]]:
    """What the data set is compared by, and a note where the sides do not agree on it."""
    a, b = old.metrics.get(dataset), new.metrics.get(dataset)
    known = [m for m in METRICS if all(m in r.metrics.get("test", {}) for r in trials)]
    chosen = next((m for m in (b, a) if m in known), None) or next(iter(known), None) or b or a or "accuracy"
    if a is not None and a == b and chosen != a:
        label = METRICS[a].label if a in METRICS else a
        return chosen, [
            f"{dataset}: not all trials that are done have the {label}; compared by {METRICS[chosen].label}"
        ]
    if a is None or b is None or a == b:
        return chosen, []
    labels = (METRICS[m].label if m in METRICS else m for m in (a, b, chosen))
    return chosen, ["{}: {} in OLD and {} in NEW; compared by {}".format(dataset, *labels)]


def _scores(trials: Trials, metric: str) -> dict[int, float]:
    return {
        seed: r.metrics["test"][metric]
        for seed, r in sorted(trials.items())
        if r.state is State.DONE and metric in r.metrics.get("test", {})
    }


def _compare_seeds(delta: Sequence[np.ndarray], limit: float) -> paired.Tested:
    """Of the differences of K cells on as many seeds each; NaN with one seed."""
    table = np.stack(delta)
    cells, seeds = table.shape
    mean = table.mean(1)
    if seeds < 2:
        nothing = np.full(cells, np.nan)
        return paired.Tested(mean, nothing, nothing, nothing)
    variance, df = moderate(table.var(1, ddof=1), np.full(cells, seeds - 1.0))
    return paired.test(mean, variance / seeds, np.minimum(df, cells * (seeds - 1)), limit)


def _compare_baseline(method: str, mean: float, scale: Scale) -> Difference:
    """Of a baseline: it is deterministic, so that any difference is one."""
    verdict: Verdict = "equal" if abs(mean) <= scale.rope else "better" if mean > 0 else "worse"
    return Difference(
        subject=method,
        reference=method,
        mean=mean,
        half=None,
        near=None,
        pairs=1,
        n=1,
        p=None,
        p_holm=None,
        verdict=verdict,
    )


def _differences(deltas: Mapping[str, np.ndarray], scale: Scale, confidence: float) -> dict[str, Difference]:
    """By method; Holm over all. Cells with the same number of seeds share what is known of the noise."""
    by_size: dict[int, list[str]] = {}
    for method, delta in deltas.items():
        by_size.setdefault(len(delta), []).append(method)
    raw: dict[str, tuple[float, float, float, float]] = {}
    for methods in by_size.values():
        columns = _compare_seeds([deltas[m] for m in methods], confidence)
        raw.update(zip(methods, zip(*(c.tolist() for c in columns), strict=True), strict=True))
    tested = [m for m, (*_, p) in raw.items() if not np.isnan(p)]
    adjusted = dict(zip(tested, paired.holm([raw[m][3] for m in tested]).tolist(), strict=True))
    found = {}
    for method, (mean, half, near, p) in raw.items():
        known = method in adjusted
        found[method] = Difference(
            subject=method,
            reference=method,
            mean=mean,
            half=half if known else None,
            near=near if known else None,
            pairs=1,
            n=len(deltas[method]),
            p=p if known else None,
            p_holm=adjusted.get(method),
            verdict=paired.verdict(mean, near if known else None, adjusted.get(method), confidence, scale.rope),
        )
    return found


def _dataset(
    dataset: str, old: Mapping[str, Trials], new: Mapping[str, Trials], scale: Scale, confidence: float
) -> Iterator[Change]:
    """The cells of one data set that both sides have."""
    kinds: dict[str, Literal["same", "equal", "changed", "unpaired"]] = {}
    deltas, fixed = {}, {}
    roles = {method: next(iter(trials.values())).config.role for method, trials in new.items()}
    scores = {m: (_scores(old[m], scale.metric), _scores(new[m], scale.metric)) for m in new if m in old}
    for method, (a, b) in scores.items():
        shared = [s for s in a if s in b]
        delta = np.array([scale.oriented(b[s]) - scale.oriented(a[s]) for s in shared])
        if not shared:
            kinds[method] = "unpaired"
        elif all(old[method][s].trial_id == new[method][s].trial_id for s in shared) and not delta.any():
            kinds[method] = "same"
        else:
            kinds[method] = "changed" if delta.any() else "equal"
            if roles[method] == "baseline":
                fixed[method] = _compare_baseline(method, float(delta.mean()), scale)
            else:
                deltas[method] = delta
    found = fixed | _differences(deltas, scale, confidence)
    made = []
    for method, (a, b) in scores.items():
        shared = [s for s in a if s in b]
        sides = [paired.estimate([x[s] for s in shared or x], confidence) for x in (a, b)]
        made.append(
            Change(
                dataset=dataset,
                method=method,
                role=roles[method],
                kind=kinds[method],
                old=sides[0],
                new=sides[1],
                difference=found.get(method),
            )
        )
    yield from sorted(made, key=_surest)


def _surest(change: Change) -> tuple[bool, float, float, str]:
    d = change.difference
    p = 1.0 if d is None or d.p is None else d.p
    return not change.real, p, -abs(d.mean) if d else 0.0, change.method


def _finished_seeds(trials: Trials) -> set[int]:
    return {seed for seed, r in trials.items() if r.state is State.DONE}


def _turns(old: Mapping[Cell, Trials], new: Mapping[Cell, Trials]) -> Iterator[Turn]:
    for cell, trials in new.items():
        for seed, after in sorted(trials.items()):
            before = old.get(cell, {}).get(seed)
            if before is not None and before.state != after.state and State.DONE in (before.state, after.state):
                bad = after if after.state is not State.DONE else before
                yield Turn(
                    name=after.config.name, old=str(before.state), new=str(after.state), message=bad.message or ""
                )


def _finding(changes: Sequence[Change], added: Sequence[Cell], gone: Sequence[Cell]) -> str:
    real = [c for c in changes if c.real]
    other = [c for c in changes if c.kind == "changed" and not c.real]
    equal = sum(c.kind in ("same", "equal") for c in changes)
    better = sum(c.difference is not None and c.difference.verdict == "better" for c in real)
    parts = []
    if real:
        parts.append(
            f"{len(real)} of {count(len(changes), 'method')} changed by more than noise ({better} better, "
            f"{len(real) - better} worse)"
        )
    elif changes:
        parts.append(f"none of {count(len(changes), 'method')} changed by more than noise")
    else:
        parts.append("no method is on both sides")
    if other:
        parts.append(f"{len(other)} changed within it")
    if equal:
        parts.append(f"{equal} the same")
    if apart := sum(c.kind == "unpaired" for c in changes):
        parts.append(f"{apart} not comparable (no seed is done on both sides)")
    parts += [f"{len(cells)} {what}" for cells, what in ((added, "new"), (gone, "missing")) if cells]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def compare(old: Part, new: Part, *, confidence: float, rope: float) -> Comparison:
    """What changed from old to new. confidence and rope: as in params.yaml. A pure function of the two."""
    (before, notes), (after, more) = versions(old), versions(new)
    notes += more
    scales: dict[str, Scale] = {}
    changes: list[Change] = []
    for dataset in sorted({d for d, _ in before} & {d for d, _ in after}):
        a, b = ({m: trials for (d, m), trials in side.items() if d == dataset} for side in (before, after))
        done = [r for side in (a, b) for trials in side.values() for r in trials.values() if r.state is State.DONE]
        metric, note = _metric(dataset, old, new, done)
        notes += note
        scores = [r.metrics["test"][metric] for r in done if metric in r.metrics.get("test", {})]
        guess = [*_scores(b.get("majority baseline", {}), metric).values(), None][0]
        scales[dataset] = scale_of(metric, rope, scores=scores, guess=guess)
        changes += _dataset(dataset, a, b, scales[dataset], confidence)
    lost = [
        f"{method} on {dataset}"
        for (dataset, method), trials in after.items()
        if (earlier := before.get((dataset, method))) is not None
        and _finished_seeds(trials) != _finished_seeds(earlier)
        and _finished_seeds(trials) & _finished_seeds(earlier)
    ]
    if lost:
        notes.append(f"only the seeds that are done on both sides are compared: {listing(lost)}")
    unpaired = [f"{c.method} on {c.dataset}" for c in changes if c.kind == "unpaired"]
    if unpaired:
        notes.append(f"no seed is done on both sides: {listing(unpaired)}")
    added, gone = tuple(c for c in after if c not in before), tuple(c for c in before if c not in after)
    return Comparison(
        old=old.name,
        new=new.name,
        confidence=confidence,
        scales=scales,
        finding=_finding(changes, added, gone),
        changes=tuple(changes),
        added=added,
        gone=gone,
        turns=tuple(_turns(before, after)),
        facts=facts(before, after),
        notes=tuple(notes),
    )
