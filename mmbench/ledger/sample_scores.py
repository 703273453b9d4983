"""What other test samples would do to the scores of the methods of a plan, from the outputs that trials have kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmbench.data.prepare import sample_groups as groups
from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema import scores
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, metric_to_compare
from mmbench.schema.params import Params
from mmbench.schema.plan import Plan
from mmbench.schema.result import State, TrialResult
from mmbench.source.kept import process_cache
from mmbench.source.modules import digest

if TYPE_CHECKING:
    import numpy as np

    from mmbench.stats.jackknife import OnSamples

SEEDS = 2
"""Of a method that are looked at: what is hard for it hardly differs between seeds."""
MOST = 200
"""Methods on a data set for which it is done; of more it would take minutes."""
STATISTICS = "mmbench.stats.jackknife"


def sample_scores(
    ledger: Ledger,
    params: Params,
    plan: Plan,
    results: Mapping[str, TrialResult],
    specs: Mapping[str, DataSpec],
    prepared: Path,
) -> dict[str, OnSamples]:
    """By data set, of every method that has a trial whose outputs are kept. None of a data set with more methods than
    `MOST`, nor where methods are tuned: a study is scored by another configuration for each seed.

    prepared: the folder of the prepared data sets. Raises UserError where a file in it is broken.
    """
    if params.tuning.configurations > 1:
        return {}
    import numpy as np

    from mmbench.stats.jackknife import OnSamples, deal, deal_groups

    trials: dict[str, dict[str, list[TrialResult]]] = {}
    for job in plan.jobs:
        result = results.get(job.trial_id)
        if result is not None and result.state is State.DONE and result.outputs is not None:
            own = trials.setdefault(job.config.dataset, {}).setdefault(job.config.cell, [])
            if len(own) < SEEDS:
                own.append(result)
    found: dict[str, OnSamples] = {}
    for dataset, methods in trials.items():
        if len(methods) > MOST:
            continue
        metric = metric_to_compare(params.report.metric, dataset, specs[dataset].task)
        samples = specs[dataset].splits["test"]
        together = groups.load(prepared / dataset, samples)
        # Of one group alone nothing can be told of others: then its samples are what could be others.
        several = together is not None and len(set(together)) > 1
        part = deal_groups(together) if together is not None and several else deal(samples)
        known = {}
        for method, own in methods.items():
            moved = [x for r in own if (x := _kept(ledger, r, metric, part)) is not None]
            if moved:
                known[method] = np.mean(moved, axis=0)
        if known:
            count = len(set(together)) if together is not None and several else None
            found[dataset] = OnSamples(deviations=known, groups=count)
    return found


def _kept(ledger: Ledger, result: TrialResult, metric: str, part: np.ndarray) -> np.ndarray | None:
    """Of one trial; None where its outputs cannot be read, or the metric is not defined on every part of them."""
    import numpy as np

    assert result.outputs is not None
    rests_on = (digest([STATISTICS, METRICS[metric].module]), metric, result.outputs.sha256)
    key = hashlib.sha256("\n".join(rests_on).encode() + part.tobytes()).hexdigest()
    known = process_cache().get("samples", key)
    if not isinstance(known, list):
        try:
            known = _values(ledger, result.trial_id, metric, part)
        except UserError:
            return None
        process_cache().put("samples", key, known)
    values = np.array([np.nan if x is None else x for x in known], float)
    return None if np.isnan(values).any() else values


def _values(ledger: Ledger, trial_id: str, metric: str, part: np.ndarray) -> list[float | None]:
    import numpy as np

    from mmbench.stats.jackknife import deviations

    outputs = ledger.outputs(trial_id)
    predictions, labels = outputs.predictions("test"), outputs.labels("test")
    turn = 1.0 if METRICS[metric].higher else -1.0

    def score(mask: np.ndarray) -> float:
        return turn * scores.score(metric, outputs.task, predictions[mask], labels[mask])

    if len(part) != len(labels):
        raise UserError(f"{trial_id} has outputs of {len(labels)} test samples, not {len(part)}")
    values = deviations(score, part)
    return [float(x) if np.isfinite(x) else None for x in values]
