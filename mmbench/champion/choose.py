"""Which trial is the champion of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State, TrialResult


def choose(plan: Plan, results: Mapping[str, TrialResult], spec: DataSpec) -> Job:
    """The trained trial of the plan that is best on validation, by the data set's main metric; of equals, by the loss,
    then by the plan's order. Single modalities take part; baselines, which have no weights of ours, do not.

    Raises UserError where no trial on the data set has ended well.
    """
    metric = spec.task.metric
    sign = 1 if METRICS[metric].higher else -1

    def rank(job: Job) -> tuple[float, float]:
        scores = results[job.trial_id].metrics["validation"]
        return sign * scores.get(metric, -sign * inf), -scores.get("loss", inf)

    ended = [
        job
        for job in plan.jobs
        if job.config.dataset == spec.name
        and job.config.role != "baseline"
        and (result := results.get(job.trial_id)) is not None
        and result.state is State.DONE
    ]
    if not ended:
        raise UserError(f"no trial on {spec.name!r} has ended well yet; `mmbench status` shows how far the sweep is")
    return max(ended, key=rank)
