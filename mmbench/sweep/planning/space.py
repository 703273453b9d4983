"""How much room what is pending will take on disk, and in memory while it runs. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import SPLITS
from mmbench.schema.plan import Job
from mmbench.schema.result import TrialResult

RECORD = 5_500
"""Bytes of a trial's JSON files and of what leads in to its outputs, about."""
FLOAT = 4


def on_disk(jobs: Iterable[Job], specs: Mapping[str, DataSpec]) -> int:
    """Bytes in the ledger of the results of these jobs. Weights are not among them."""
    return sum(RECORD + _outputs(specs[job.config.dataset]) for job in jobs)


def _outputs(spec: DataSpec) -> int:
    """Bytes of rows, outputs and labels of a trial; `mmbench.schema.outputs` says which numbers these are."""
    targets, kind = len(spec.task.targets), spec.task.kind
    label = {"regression": FLOAT * targets, "multilabel": targets}.get(kind, _whole(targets - 1))
    return sum((n := spec.splits[split]) * (_whole(n - 1) + FLOAT * targets + label) for split in SPLITS)


def _whole(largest: int) -> int:
    """Bytes of a whole number that may be as large as this."""
    return int(np.min_scalar_type(max(largest, 0)).itemsize)


def in_memory(results: Iterable[TrialResult]) -> int | None:
    """Bytes of the largest of these trials; None where none of them says."""
    peaks = [peak for r in results if isinstance(peak := r.quantities.get("peak_memory"), int | float)]
    return int(max(peaks)) if peaks else None
