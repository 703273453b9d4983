"""How much room what is pending will take on disk, and in memory while it runs. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import SPLITS
from mmbench.schema.plan import Job, Probes
from mmbench.schema.quantity import QUANTITIES, Quantity, group_of
from mmbench.schema.result import TrialResult
from mmbench.sweep.measure import wanted

RECORD = 5_500
"""Bytes of a trial's JSON files and of what leads in to its outputs, about, less what probes measure."""
NAME, NUMBER, ITEMS = 8, 17, 60
"""Bytes of a quantity beside its name, of a number, and numbers of a quantity whose length is not known."""
FLOAT = 4


def on_disk(jobs: Iterable[Job], specs: Mapping[str, DataSpec], probes: Probes = "default") -> int:
    """Bytes in the ledger of the results of these jobs. Weights are not among them."""
    quantities: dict[tuple[str, tuple[str, ...]], int] = {}
    total = 0
    for job in jobs:
        spec, names = specs[job.config.dataset], job.config.modalities
        if (spec.name, names) not in quantities:
            quantities[spec.name, names] = _quantities(spec, names, probes)
        total += RECORD + quantities[spec.name, names] + _outputs(spec)
    return total


def _quantities(spec: DataSpec, modalities: tuple[str, ...], probes: Probes) -> int:
    """Bytes of what probes measure of a trial with these modalities."""
    asked = wanted(spec, probes).probes
    found = {name: q for name, q in QUANTITIES.items() if group_of(name) in asked}
    return sum(len(name) + NAME + NUMBER * _count(q, modalities) for name, q in found.items())


def _count(quantity: Quantity, modalities: tuple[str, ...]) -> int:
    if quantity.per == "item":
        return ITEMS
    return 1 if quantity.per == "trial" else len(quantity.names(modalities))


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
