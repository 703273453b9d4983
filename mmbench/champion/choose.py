"""Which trial is the champion of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from statistics import fmean

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State, TrialResult

Rank = tuple[float, float]
"""How good on validation: the main metric, so turned that more is better, then the loss, negated."""


def choose(plan: Plan, results: Mapping[str, TrialResult], spec: DataSpec) -> Job:
    """The trial to use: of the method that is best on validation by its mean over seeds, the trial that is best there.

    By the data set's main metric; of equals by the loss, then by the plan's order. Where each seed tries several
    configurations, the best of them counts for the seed. A method of which seeds are missing takes part only where all
    lack some. Single modalities take part; baselines, which have no weights of ours, do not.

    Raises UserError where no trial on the data set has ended well.
    """
    metric = spec.task.metric
    sign = 1 if METRICS[metric].higher else -1

    def rank(job: Job) -> Rank:
        scores = results[job.trial_id].metrics["validation"]
        return sign * scores.get(metric, -sign * inf), -scores.get("loss", inf)

    best: dict[str, dict[int, Job]] = {}
    asked: dict[str, set[int]] = {}
    for job in plan.jobs:
        config = job.config
        if config.dataset != spec.name or config.role == "baseline":
            continue
        asked.setdefault(config.cell, set()).add(config.seed)
        result = results.get(job.trial_id)
        if result is not None and result.state is State.DONE:
            seeds = best.setdefault(config.cell, {})
            seeds[config.seed] = max(seeds.get(config.seed, job), job, key=rank)
    if not best:
        raise UserError(f"no trial on {spec.name!r} has ended well yet; `mmbench status` shows how far the sweep is")
    whole = [cell for cell, seeds in best.items() if seeds.keys() == asked[cell]] or list(best)

    def mean(cell: str) -> Rank:
        ranks = [rank(job) for job in best[cell].values()]
        return fmean(r[0] for r in ranks), fmean(r[1] for r in ranks)

    return max(best[max(whole, key=mean)].values(), key=rank)
