"""What methods cost when nothing else runs, a file for each data set beside the trials (`costs.DATASET.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pydantic

from mmbench import atomic
from mmbench.errors import UserError
from mmbench.ledger.coverage import Ended
from mmbench.schema.idle_cost import IdleCosts
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State
from mmbench.source.modules import digest

SOURCE = "mmbench.training.idle_cost"
LARGEST = 2**26
"""Bytes of a file that is read at all."""


@cache
def fingerprint() -> str:
    """SHA-256 over the source that measures; variants have theirs in the identity of each trial."""
    return digest([SOURCE])


def file_of(folder: Path, dataset: str) -> Path:
    """Where it is. folder: the ledger's."""
    return folder / f"costs.{dataset}.json"


def read_costs(folder: Path, dataset: str) -> IdleCosts | None:
    """What is known; None where there is nothing that can be read."""
    file = file_of(folder, dataset)
    try:
        if file.stat().st_size > LARGEST:
            return None
        found = IdleCosts.model_validate_json(file.read_bytes())
    except (OSError, pydantic.ValidationError):
        # Lost, it is measured again.
        return None
    return found if found.dataset == dataset else None


def write_costs(folder: Path, costs: IdleCosts) -> None:
    """Keep it. Raises UserError where that is not possible."""
    file = file_of(folder, costs.dataset)
    try:
        atomic.write(file, costs.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror or error}") from None


def wanted(plan: Plan, results: Mapping[str, Ended]) -> dict[str, dict[str, Job]]:
    """By data set and method, the first finished trial of each."""
    found: dict[str, dict[str, Job]] = {}
    for job in plan.jobs:
        result = results.get(job.trial_id)
        if result is not None and result.state is State.DONE:
            found.setdefault(job.config.dataset, {}).setdefault(job.config.cell, job)
    return found


def known(folder: Path, plan: Plan, results: Mapping[str, Ended]) -> dict[str, IdleCosts]:
    """By data set, what is known of its methods and still holds. folder: the ledger's."""
    asked = wanted(plan, results)
    found = {name: read_costs(folder, name) for name in asked}
    return {name: costs for name, costs in found.items() if costs is not None and is_current(costs, asked[name])}


def is_current(costs: IdleCosts | None, jobs: Mapping[str, Job]) -> bool:
    """Whether it says what these trials cost. jobs: by method."""
    if costs is None or costs.fingerprint != fingerprint():
        return False
    return all(name in costs.methods and costs.methods[name].trial_id == job.trial_id for name, job in jobs.items())
