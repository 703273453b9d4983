"""A trial trained again for its weights: the ledger keeps numbers, not models.

Training is deterministic, so on like hardware the trial gives the ledger's very numbers a second time; where it does
not, that is reported, and the model goes by the numbers that it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from mmbench.data.batches import Split
from mmbench.errors import UserError
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import State, TrialResult
from mmbench.sweep.local import run_locally


@dataclass(frozen=True, kw_only=True)
class Again:
    """A trial's second run. kept: its result in the ledger. result: that of the model, which is on `test`'s device."""

    kept: TrialResult
    result: TrialResult
    model: nn.Module
    test: Split

    @property
    def reproduced(self) -> bool:
        """Whether its outputs are those of the first training bit by bit; of a trial from before outputs were kept,
        whether every score is the ledger's."""
        if self.kept.outputs is not None:
            return self.result.outputs == self.kept.outputs
        return self.result.metrics == self.kept.metrics


def again(job: Job, kept: TrialResult, folder: Path, limits: Limits) -> Again:
    """Train the trial as a sweep does. folder: of the prepared data set.

    Raises UserError where it does not end well this time.
    """
    files, splits = run_locally(job, folder, limits)
    result = files.complete
    if result.state is not State.DONE or files.model is None:
        raise UserError(f"{job.config.name} ended as {result.state.replace('_', ' ')} this time: {result.message}")
    return Again(kept=kept, result=result, model=files.model, test=splits["test"].only(job.config.modalities))
