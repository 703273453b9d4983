"""What the methods of a data set score when they are trained for shorter or longer, as far as it was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmbench.report.trials.frame import Results
from mmbench.schema.metric import METRICS
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Of one data set.

    Attributes:
        scores: Factor of the budget -> method -> score on test.
        pending: Trials without a result; failed: those that did not end well.
        epochs: Factor -> epochs.
        own: Method -> score on test at its own best budget: of all that were tried, the best on validation; where all
            of them ended well.
    """

    scores: Mapping[float, Mapping[str, float]]
    pending: int
    failed: int
    epochs: Mapping[float, int]
    own: Mapping[str, float] = field(default_factory=dict)


def ladder_of(dataset: str, plan: Plan, results: Results, *, metric: str, chosen_by: str) -> Ladder:
    """metric: of the scores; chosen_by: the one that is best on validation."""
    own = [job for job in plan.ladder if job.config.dataset == dataset]
    scores: dict[float, dict[str, float]] = {}
    pending = failed = 0
    for job in own:
        result = results.get(job.trial_id)
        value = None if result is None else result.metrics.get("test", {}).get(metric)
        if result is None:
            pending += 1
        elif result.state is not State.DONE or value is None:
            failed += 1
        else:
            scores.setdefault(job.config.budget, {})[job.config.cell] = value
    epochs = {job.config.budget: job.config.train.epochs for job in own if job.config.train is not None}
    usual = [job for job in plan.jobs if job.config.dataset == dataset and _is_like(job, own)]
    return Ladder(
        scores=scores,
        pending=pending,
        failed=failed,
        epochs=epochs,
        own=_own_best([*usual, *own], results, metric, chosen_by),
    )


def _is_like(job: Job, ladder: Sequence[Job]) -> bool:
    """Whether it is what the ladder's trials are, under the data set's own budget."""
    return bool(ladder) and job.config.seed == ladder[0].config.seed and job.config.train is not None


def _own_best(jobs: Sequence[Job], results: Results, metric: str, chosen_by: str) -> dict[str, float]:
    by_method: dict[str, list[tuple[float, float] | None]] = {}
    turn = 1 if METRICS[chosen_by].higher else -1
    for job in jobs:
        result = results.get(job.trial_id)
        known = result is not None and result.state is State.DONE
        on_validation = result.metrics.get("validation", {}).get(chosen_by) if known and result else None
        on_test = result.metrics.get("test", {}).get(metric) if known and result else None
        pair = None if on_validation is None or on_test is None else (turn * on_validation, on_test)
        by_method.setdefault(job.config.cell, []).append(pair)
    rungs = max((len(tried) for tried in by_method.values()), default=0)
    return {
        # Of those that are equal on validation the data set's own budget, which comes first.
        method: max((pair for pair in tried if pair is not None), key=lambda pair: pair[0])[1]
        for method, tried in by_method.items()
        if len(tried) == rungs > 1 and None not in tried
    }
