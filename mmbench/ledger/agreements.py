"""Whether the best combinations of each data set err on the same samples, from the outputs that trials have kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema import scores
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, metric_to_compare
from mmbench.schema.outputs import Outputs
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.schema.result import State, TrialResult
from mmbench.schema.task import Task

if TYPE_CHECKING:
    import numpy as np

    from mmbench.stats.agreement import Against, Agreement, Together

BEST = 12
"""Combinations of a data set that are read, whatever their number."""
SEEDS = 3
"""Trials that are read of each."""
MEMBERS = 3
"""Of the ensemble."""

Kept = dict[str, dict[int, Outputs]]
"""By method and seed."""


def agreements(
    ledger: Ledger, params: Params, plan: Plan, results: Mapping[str, TrialResult], specs: Mapping[str, DataSpec]
) -> dict[str, Agreement]:
    """By data set, of the combinations that are best on validation by the main metric: what is chosen there, and then
    compared on test, is not flattered by having been chosen. None of a data set with fewer than two whose outputs are
    kept, nor where methods are tuned: a study is scored by another configuration for each seed."""
    if params.tuning.configurations > 1:
        return {}
    trials: dict[str, dict[str, list[TrialResult]]] = {}
    for job in plan.jobs:
        result = results.get(job.trial_id)
        ended = result is not None and result.state is State.DONE and result.outputs is not None
        if job.config.role == "cell" and result is not None and ended:
            trials.setdefault(job.config.dataset, {}).setdefault(job.config.cell, []).append(result)
    found = {}
    for dataset, methods in trials.items():
        chosen = _best(methods, specs[dataset].task)
        kept = _read(ledger, chosen)
        if len(kept) > 1:
            metric = metric_to_compare(params.report.metric, dataset, specs[dataset].task)
            found[dataset] = _agreement(kept, metric, len(methods))
    return found


def _best(methods: Mapping[str, list[TrialResult]], task: Task) -> dict[str, list[TrialResult]]:
    """The best, best first. Those with fewer seeds than others are left out: a mean over one lucky seed is no rank."""
    turn = 1.0 if METRICS[task.metric].higher else -1.0
    most = max(min(len(own), SEEDS) for own in methods.values())
    means = {}
    for method, own in methods.items():
        values = [r.metrics.get("validation", {}).get(task.metric) for r in own]
        known = [turn * v for v in values if v is not None]
        if len(own) >= most and len(known) == len(own):
            means[method] = sum(known) / len(known)
    order = sorted(means, key=lambda m: -means[m])[:BEST]
    return {m: sorted(methods[m], key=lambda r: r.config.seed)[:SEEDS] for m in order}


def _read(ledger: Ledger, chosen: Mapping[str, list[TrialResult]]) -> Kept:
    """Methods of which any outputs cannot be read, or are of other samples than the others', are left out."""
    import numpy as np

    kept: Kept = {}
    truth: np.ndarray | None = None
    for method, own in chosen.items():
        try:
            read = {r.config.seed: ledger.outputs(r.trial_id) for r in own}
        except UserError:
            continue
        labels = [outputs.labels("test") for outputs in read.values()]
        truth = labels[0] if truth is None else truth
        if len(truth) and all(np.array_equal(x, truth) for x in labels):
            kept[method] = read
    return kept


def _agreement(kept: Kept, metric: str, count: int) -> Agreement:
    import numpy as np

    from mmbench.stats.agreement import Agreement, between_methods, error_consistency, residual_correlation

    methods = tuple(kept)
    trials = [(i, seed, outputs) for i, m in enumerate(methods) for seed, outputs in kept[m].items()]
    task, labels = trials[0][2].task, trials[0][2].labels("test")
    places, seeds = [i for i, *_ in trials], [seed for _, seed, _ in trials]
    off = np.stack([_off(task, outputs.predictions("test"), labels) for *_, outputs in trials])
    common = None
    if task.kind == "regression":
        same = residual_correlation(off)
    else:
        same, common = error_consistency(off > 0)
        common = between_methods(common, places, seeds)
    return Agreement(
        methods=methods,
        of=count,
        samples=len(labels),
        same=_plain(between_methods(same, places, seeds)),
        common=() if common is None else _plain(common),
        against=() if task.kind == "regression" else _against(methods, places, seeds, (off == 0).sum(2)),
        together=_together(kept, metric),
        errors=None if task.kind == "regression" else float((off > 0).any(2).sum(1).mean()),
    )


def _off(task: Task, predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, L) 1 where it is wrong; of numbers by how much it is off."""
    import numpy as np

    if task.kind == "regression":
        return predictions - labels
    if task.kind == "multilabel":
        return ((predictions >= 0.5) != (labels > 0)).astype(np.float64)
    return (predictions.argmax(1) != labels).astype(np.float64)[:, None]


def _plain(table: np.ndarray) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if x != x else float(x) for x in row) for row in table)


def _against(methods: tuple[str, ...], places: list[int], seeds: list[int], right: np.ndarray) -> tuple[Against, ...]:
    """The first against all others, seed by seed. right: (T, N) how many labels of a sample are."""
    import numpy as np

    from mmbench.stats.agreement import Against, mcnemar
    from mmbench.stats.paired import holm

    rows = {(place, seed): x for place, seed, x in zip(places, seeds, right, strict=True)}
    counts: dict[str, list[tuple[int, int]]] = {}
    for place, method in enumerate(methods[1:], start=1):
        shared = [seed for i, seed in rows if i == 0 and (place, seed) in rows]
        pairs = [(rows[0, seed], rows[place, seed]) for seed in shared]
        if pairs:
            counts[method] = [(int((a > b).sum()), int((b > a).sum())) for a, b in pairs]
    if not counts:
        return ()
    p = [mcnemar(own) for own in counts.values()]
    return tuple(
        Against(
            method=method,
            wins=float(np.mean([wins for wins, _ in own])),
            losses=float(np.mean([losses for _, losses in own])),
            p=raw,
            p_holm=float(adjusted),
            seeds=len(own),
        )
        for (method, own), raw, adjusted in zip(counts.items(), p, holm(p), strict=True)
    )


def _together(kept: Kept, metric: str) -> Together | None:
    """None where fewer methods or no common seeds are there, or the metric is not defined on these samples."""
    import numpy as np

    from mmbench.stats.agreement import Together

    members = tuple(kept)[:MEMBERS]
    seeds = sorted(set.intersection(*(set(kept[m]) for m in members)))
    if len(members) < MEMBERS or not seeds:
        return None
    first = kept[members[0]][seeds[0]]
    turn = 1.0 if METRICS[metric].higher else -1.0

    def score(parts: list[Outputs]) -> float:
        mean = np.mean([x.predictions("test") for x in parts], axis=0)
        return turn * scores.score(metric, first.task, mean, first.labels("test"))

    together = [score([kept[m][seed] for m in members]) for seed in seeds]
    alone = [score([kept[members[0]][seed]]) for seed in seeds]
    trainings = list(kept[members[0]].values())
    again = score(trainings[:MEMBERS]) if len(trainings) >= MEMBERS else None
    if not np.isfinite([*together, *alone, *([] if again is None else [again])]).all():
        return None
    return Together(members=members, scores=tuple(together), alone=tuple(alone), again=again)
