"""The end of a sweep: what its methods cost, measured with nothing else running.

Where trials ran on a cluster, one of its free slots measures, with a whole GPU where there are some; else this
process does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmbench import provenance
from mmbench.ledger import idle_costs
from mmbench.ledger.coverage import Ended
from mmbench.ledger.store import Ledger
from mmbench.schema.idle_cost import IdleCost, IdleCosts
from mmbench.schema.measured import Hardware
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Job, Plan
from mmbench.sweep.shared_dataset import Data

# No torch at import: `mmbench status` asks what is missing.


@dataclass(frozen=True, kw_only=True)
class Found:
    """costs: by method. hardware, versions: of the machine that measured them."""

    costs: dict[str, IdleCost]
    hardware: Hardware
    versions: dict[str, str]


def missing(plan: Plan, results: Mapping[str, Ended], ledger: Ledger) -> dict[str, dict[str, Job]]:
    """The methods to measure, by data set: all of one where any is not known, since times of two moments do not
    compare."""
    asked = idle_costs.wanted(plan, results)
    return {
        name: jobs
        for name, jobs in asked.items()
        if not idle_costs.is_current(idle_costs.read_costs(ledger.folder, name), jobs)
    }


def measure(
    open_: Mapping[str, Mapping[str, Job]],
    ledger: Ledger,
    prepared: Path,
    settings: Sweep,
    *,
    on_method: Callable[[], None] = lambda: None,
) -> None:
    """Measure them and keep what is found, data set by data set. on_method: is called after each method.

    The caller holds the ledger's lock. Raises UserError where the ledger cannot be written or a data set not be read.
    """
    from mmbench.sweep.ray_settings import is_remote

    for name, jobs in open_.items():
        found = (_elsewhere if is_remote() else _here)(name, jobs, prepared, settings, on_method)
        costs = IdleCosts(
            dataset=name,
            fingerprint=idle_costs.fingerprint(),
            hardware=found.hardware,
            versions=found.versions,
            methods=found.costs,
        )
        idle_costs.write_costs(ledger.folder, costs)


def measure_data(
    jobs: Mapping[str, Job], data: Data, device: str, on_method: Callable[[], None] = lambda: None
) -> Found:
    """Of one data set, in this process. device: "cpu" or "cuda"."""
    from mmbench.sweep.in_process import restoring_global_state
    from mmbench.training.idle_cost import measure_alone

    with restoring_global_state():
        costs = measure_alone(jobs, data.spec, data.splits(device), on_method=on_method)
    return Found(costs=costs, hardware=provenance.hardware(), versions=provenance.versions())


def _here(name: str, jobs: Mapping[str, Job], prepared: Path, settings: Sweep, on_method: Callable[[], None]) -> Found:
    import torch

    from mmbench.data.prepared import load_prepared

    data = Data(spec=load_prepared(prepared / name)[0], folder=str(prepared / name), arrays=None)
    return measure_data(jobs, data, "cuda" if torch.cuda.is_available() else "cpu", on_method)


def _elsewhere(
    name: str, jobs: Mapping[str, Job], prepared: Path, settings: Sweep, on_method: Callable[[], None]
) -> Found:
    from mmbench.sweep import engine

    found = engine.call_on_free_slot(name, jobs, prepared, settings)
    for _ in jobs:
        on_method()
    return found
