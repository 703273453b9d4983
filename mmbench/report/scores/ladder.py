"""What the methods of a data set score when they are trained for shorter or longer, as far as it was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.trials.frame import Results
from mmbench.schema.plan import Job
from mmbench.schema.result import State


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Of one data set.

    Attributes:
        scores: Factor of the budget -> method -> score on test.
        pending: Trials without a result; failed: those that did not end well.
        epochs: Factor -> epochs.
    """

    scores: Mapping[float, Mapping[str, float]]
    pending: int
    failed: int
    epochs: Mapping[float, int]


def ladder_of(dataset: str, jobs: Sequence[Job], results: Results, metric: str) -> Ladder:
    """jobs: the ladder's, of all data sets."""
    own = [job for job in jobs if job.config.dataset == dataset]
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
    return Ladder(scores=scores, pending=pending, failed=failed, epochs=epochs)
