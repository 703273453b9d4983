"""What the driver hands to a worker: a trial to be trained and measured, or probes of one that is finished."""

from __future__ import annotations

from typing import Any

from mmbench.schema.plan import Job
from mmbench.schema.result import FileDigest
from mmbench.schema.strict_yaml import Frozen
from mmbench.sweep.measure import Wanted


class Assignment(Frozen):
    """One step of a worker.

    Attributes:
        job: The trial.
        measures: What to measure, with fingerprints.
        outputs: Of the trial, where it is finished and only `measures.probes` are wanted; None: it is to be trained.
    """

    job: Job
    measures: Wanted
    outputs: FileDigest | None = None

    @property
    def trains(self) -> bool:
        return self.outputs is None

    def without_probes(self) -> Assignment:
        return self.model_copy(update={"measures": self.measures.model_copy(update={"probes": {}})})


Packed = dict[str, Any]
"""What a worker returns of a step, as plain values: `TrialFiles.pack`, or {"measured": JSON}."""
