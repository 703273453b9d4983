"""Confusion and scores of each class, from the outputs that trials have kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema.result import TrialResult
from mmbench.schema.task import TaskKind
from mmbench.source.kept import process_cache
from mmbench.source.modules import digest

if TYPE_CHECKING:
    from mmbench.stats.breakdown import Breakdown, Kind

SEEDS = 3
"""Of a method that are read: what it confuses hardly differs between seeds."""
STATISTICS = "mmbench.stats.breakdown"
_KINDS: Mapping[TaskKind, Kind] = {
    "classification": "classes",
    "binary": "classes",
    "multilabel": "labels",
    "regression": "numbers",
}


def breakdowns(
    ledger: Ledger, results: Mapping[str, TrialResult], methods: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, dict[str, Breakdown]]:
    """On the test split, by data set and method. methods: the trial ids of each, in order of the seeds. A method of
    whose trials none has outputs that can be read is left out."""
    found: dict[str, dict[str, Breakdown]] = {}
    for dataset, own in methods.items():
        for method, trials in own.items():
            kept = [r for i in trials if (r := results.get(i)) is not None and r.outputs is not None][:SEEDS]
            made = _of(ledger, kept) if kept else None
            if made is not None:
                found.setdefault(dataset, {})[method] = made
    return found


def _of(ledger: Ledger, kept: Sequence[TrialResult]) -> Breakdown | None:
    """Of one method, from the cache where it holds what these very outputs gave."""
    hashes = [r.outputs.sha256 for r in kept if r.outputs is not None]
    key = hashlib.sha256("\n".join([digest([STATISTICS]), *hashes]).encode()).hexdigest()
    known = process_cache().get("breakdowns", key)
    if not isinstance(known, dict):
        made = _read(ledger, kept)
        if made is None:
            return None
        known = asdict(made)
        process_cache().put("breakdowns", key, known)
    return _restored(known)


def _read(ledger: Ledger, kept: Sequence[TrialResult]) -> Breakdown | None:
    from mmbench.stats.breakdown import breakdown

    runs, task = [], None
    for result in kept:
        try:
            outputs = ledger.outputs(result.trial_id)
        except UserError:
            continue
        task = outputs.task
        runs.append((outputs.predictions("test"), outputs.labels("test")))
    if task is None or not len(runs[0][1]):
        return None
    return breakdown(_KINDS[task.kind], task.targets, runs)


def _restored(known: Mapping[str, Any]) -> Breakdown:
    from mmbench.stats.breakdown import Breakdown, TargetScores

    matrix = known["matrix"]
    return Breakdown(
        kind=known["kind"],
        runs=known["runs"],
        names=tuple(known["names"]),
        targets=tuple(TargetScores(name=t["name"], values=tuple(t["values"])) for t in known["targets"]),
        matrix=None if matrix is None else tuple(tuple(row) for row in matrix),
        confused=tuple((a, b, n) for a, b, n in known["confused"]),
    )
