"""A trial in this process, as readers see its result."""

from __future__ import annotations

import json
from typing import Any

from mmbench.data.batches import Split
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.sweep import trial as trials
from tests.support import small


def run(*arguments: Any, **options: Any) -> TrialResult:
    """As `mmbench.sweep.trial.run` is called."""
    return trials.run(*arguments, **options).complete


def trial(config: TrialConfig, data: dict[str, Split] | None = None, **limits: float) -> TrialResult:
    job = Job(trial_id="t", config=config, data_hash="d", fingerprint="f", commit="c", dirty=False)
    return run(job, small.spec(), data or small.splits(), Limits(**limits))


def spoilt(split: str, **changes: Any) -> dict[str, Split]:
    """The small data with one modality of one split replaced."""
    data = small.splits()
    return data | {split: Split(inputs={**data[split].inputs, **changes}, labels=data[split].labels)}


def numbers(result: TrialResult) -> Any:
    return json.loads(json.dumps([result.metrics, result.curves, result.best_epoch]))
