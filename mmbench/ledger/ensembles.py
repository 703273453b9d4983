"""What ensembles of a study's configurations score, from the outputs that trials keep."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema import scores
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, metric_to_compare
from mmbench.schema.outputs import Outputs
from mmbench.schema.params import Params
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State, TrialResult
from mmbench.source.kept import process_cache
from mmbench.source.modules import digest

Ensembles = dict[str, dict[tuple[str, int], float]]
"""By data set, by method and seed: the score on test."""
STATISTICS = "mmbench.stats.ensemble"


def ensembles(
    ledger: Ledger, params: Params, plan: Plan, results: Mapping[str, TrialResult], specs: Mapping[str, DataSpec]
) -> Ensembles:
    """Of every study of several configurations that is finished, by the metric that the report compares.

    Members are selected on validation by the main metric, among those that ended well.
    """
    if params.tuning.configurations == 1:
        return {}
    metrics = {name: metric_to_compare(params.report.metric, name, spec.task) for name, spec in specs.items()}
    studies: dict[tuple[str, str, int], list[Job]] = {}
    for job in plan.jobs:
        studies.setdefault((job.config.dataset, job.config.cell, job.config.seed), []).append(job)
    found: Ensembles = {}
    for (dataset, method, seed), jobs in studies.items():
        if len(jobs) > 1 and all(job.trial_id in results for job in jobs):
            ended = [results[job.trial_id] for job in jobs]
            score = _kept(ledger, [r for r in ended if r.state is State.DONE], metrics[dataset])
            if score is not None:
                found.setdefault(dataset, {})[method, seed] = score
    return found


def _kept(ledger: Ledger, done: Sequence[TrialResult], metric: str) -> float | None:
    if not done or any(r.outputs is None for r in done):
        return None
    digests = [r.outputs.sha256 for r in done if r.outputs is not None]
    key = hashlib.sha256("\n".join([digest([STATISTICS]), metric, *digests]).encode()).hexdigest()
    known = process_cache().get("ensembles", key)
    if not isinstance(known, list):
        try:
            known = [_score([ledger.outputs(r.trial_id) for r in done], metric)]
        except UserError:
            return None
        process_cache().put("ensembles", key, known)
    score: float | None = known[0]
    return score


def _score(members: Sequence[Outputs], metric: str) -> float | None:
    import numpy as np

    from mmbench.stats.ensemble import mean_of, select

    task, labels = members[0].task, members[0].labels("validation")
    turn = 1 if METRICS[task.metric].higher else -1
    counts = select(
        [m.predictions("validation") for m in members], lambda p: turn * scores.score(task.metric, task, p, labels)
    )
    together = mean_of([m.predictions("test") for m in members], counts)
    found = scores.score(metric, task, together, members[0].labels("test"))
    return found if np.isfinite(found) else None
