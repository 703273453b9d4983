"""What every planned model costs, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.paused_collector import paused_collector
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Plan
from mmbench.sweep.local import one_thread
from mmbench.sweep.planning.model_counts import ModelCounter


@dataclass(frozen=True, kw_only=True)
class Count:
    """Of one model: trainable parameters, and FLOPs of a forward pass for one sample."""

    parameters: int
    flops: int


def costs(plan: Plan, specs: Mapping[str, DataSpec], counter: ModelCounter) -> dict[tuple[str, str], Count | str]:
    """Parameters and FLOPs by data set and cell, of all that is trained; or, of what cannot be built, the reason."""
    found: dict[tuple[str, str], Count | str] = {}
    with paused_collector(), one_thread():
        for job in plan.jobs:
            config, key = job.config, (job.config.dataset, job.config.cell)
            if config.role == "baseline" or key in found:
                continue
            spec = specs[config.dataset]
            try:
                # FLOPs first: parameters come with them.
                flops = counter.flops(config, spec)
                found[key] = Count(parameters=counter.parameters(config, spec), flops=flops)
            except (Exception, SystemExit) as error:  # a variant may raise anything; the other cells are counted
                found[key] = " ".join(f"{type(error).__name__}: {error}".split())
    return found
