"""The trained model of a finished trial: from its kept weights, or trained again.

Kept weights are used where their file is the one that the trial's JSON names, and where they give the outputs on test
that the trial left behind. Training is deterministic, so on like hardware a trial that is trained again gives the
ledger's very numbers; where it does not, that is reported, and the model goes by the numbers that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from mmbench.data.batches import Split
from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema.dataset import DataSpec
from mmbench.schema.measured import Origin
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import State, TrialResult
from mmbench.sweep.local import load_splits, one_thread
from mmbench.sweep.trial import load_model, run
from mmbench.training.objective import objective
from mmbench.training.predictions import predict
from mmbench.training.sandbox import own_settings

ROUNDING = 1e-3
"""Of outputs, absolute and relative: another processor rounds otherwise, another source computes something else."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """The model of a finished trial.

    Attributes:
        kept: The trial in the ledger.
        result: That of the model: `kept`, or that of its second training.
        model: On the device of `test`.
        test: The test split, with the trial's modalities alone.
        origin: "weights"; "retraining", which found the ledger's outputs bit by bit (of a trial from before outputs
            were kept: every score); "other retraining", which did not.
        exact: Whether outputs on test, or of a trial without outputs its scores, are the ledger's bit by bit.
    """

    kept: TrialResult
    result: TrialResult
    model: nn.Module
    test: Split
    origin: Origin
    exact: bool


def outputs_on(model: nn.Module, split: Split, result: TrialResult, spec: DataSpec) -> np.ndarray:
    """(N, C) as a trial keeps them: logits of classes or labels; numbers in the targets' own units. float32."""
    assert result.config.train is not None
    with one_thread(), own_settings():
        found = predict(model, split, precision=result.config.train.precision)
        values: np.ndarray = objective(spec, split.labels).in_units(found).cpu().numpy()
    return values


def restore(job: Job, kept: TrialResult, ledger: Ledger, folder: Path, limits: Limits) -> Restored:
    """The model of a trial that is done. ledger: which holds it. folder: of the prepared data set.

    Raises UserError where the data set is missing, or where the trial is trained again and does not end well.
    """
    spec, splits = load_splits(folder)
    return _from_weights(job, kept, ledger, spec, splits) or _train_again(job, kept, spec, splits, limits)


def _from_weights(
    job: Job, kept: TrialResult, ledger: Ledger, spec: DataSpec, splits: Mapping[str, Split]
) -> Restored | None:
    """None where there are none, or where they do not give the outputs that the trial left behind."""
    weights = ledger.weights_of(kept)
    if weights is None:
        return None
    test = splits["test"].only(kept.config.modalities)
    model = load_model(job, spec, weights, test.labels.device)
    if model is None:
        return None
    before = ledger.outputs(kept.trial_id).splits["test"].outputs
    now = outputs_on(model, test, kept, spec)
    if now.shape != before.shape or not np.allclose(now, before, rtol=ROUNDING, atol=ROUNDING):
        return None
    exact = bool((now == before).all())
    return Restored(kept=kept, result=kept, model=model, test=test, origin="weights", exact=exact)


def _train_again(job: Job, kept: TrialResult, spec: DataSpec, splits: Mapping[str, Split], limits: Limits) -> Restored:
    with one_thread():
        files = run(job, spec, splits, limits)
    result = files.complete
    if result.state is not State.DONE or files.model is None:
        raise UserError(f"{job.config.name} ended as {result.state.replace('_', ' ')} this time: {result.message}")
    same = result.metrics == kept.metrics if kept.outputs is None else result.outputs == kept.outputs
    return Restored(
        kept=kept,
        result=result,
        model=files.model,
        test=splits["test"].only(job.config.modalities),
        origin="retraining" if same else "other retraining",
        exact=same,
    )
