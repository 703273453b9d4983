"""A process that runs one trial after another."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from mmbench.registry import Axis, Variant, define
from mmbench.schema.plan import Job, Limits
from mmbench.sweep.shared_dataset import Data

if TYPE_CHECKING:
    from mmbench.training.trial import Splits

# What trials need (torch, scikit-learn) is imported in the workers, where the driver has no use for it and no time.

GRACE_S = 5.0
"""How long after its limit a trial may still end by itself before its process is ended."""


class Worker(tune.Trainable):
    """A process that runs one trial after another: each step is the one that the driver has assigned."""

    def setup(
        self,
        config: dict[str, Any],
        shared: Mapping[str, Data] | None = None,
        limits: Limits | None = None,
        defined: Sequence[tuple[Axis, Variant]] = (),
    ) -> None:
        import torch

        import mmbench.training.trial  # noqa: F401 - read here, before the first trial's clock starts

        for axis, variant in defined:
            define(axis, variant)

        assert shared is not None and limits is not None
        self.shared, self.limits = shared, limits
        self.splits: dict[str, Splits] = {}
        self.device = "cuda" if ray.get_gpu_ids() else "cpu"
        self.job: str | None = None
        torch.set_num_threads(1)

    def assign(self, job: str | None) -> None:
        """The job (JSON) of the next step; None ends this worker."""
        self.job = job

    def step(self) -> dict[str, Any]:
        if self.job is None:
            return {"done": True}
        from mmbench.training.trial import run

        job = Job.model_validate_json(self.job)
        name = job.config.dataset
        if name not in self.splits:
            self.splits[name] = self.shared[name].splits(self.device)
        with self._ended_when_stuck():
            result = run(job, self.shared[name].spec, self.splits[name], self.limits)
        return {"result": result.model_dump_json()}

    @contextmanager
    def _ended_when_stuck(self) -> Iterator[None]:
        """A trial that hangs in C code never sees Python's alarm: this watchdog is a C thread that ends the process."""
        if self.limits.seconds is None:
            yield
            return
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            faulthandler.dump_traceback_later(self.limits.seconds + GRACE_S, exit=True, file=nowhere)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
