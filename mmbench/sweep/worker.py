"""A process that trains and measures one trial after another."""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from mmbench.registry import Axis, Variant, define
from mmbench.schema.plan import Limits
from mmbench.sweep.rounds.assignment import Assignment
from mmbench.sweep.shared_dataset import Data

if TYPE_CHECKING:
    from mmbench.training.trial import Splits

# What trials need (torch, scikit-learn) is imported in the workers, where the driver has no use for it and no time.

GRACE_S = 5.0
"""How long after its limit a trial may still end by itself before its process is ended."""
WAIT = ""
"""In place of an assignment: there is none now, but there may be one later."""
WAIT_S = 0.3
IMPORT_S = 60.0
"""How long beyond the limit the first import of a variant may take, which no trial is charged for."""


class Worker(tune.Trainable):
    """A process that runs one trial after another: each step is the one that the driver has assigned."""

    def setup(
        self,
        config: dict[str, Any],
        shared: Mapping[str, Data] | None = None,
        limits: Limits | None = None,
        keep_weights: int = 0,
        defined: Sequence[tuple[Axis, Variant]] = (),
    ) -> None:
        import torch

        import mmbench.sweep.trial  # noqa: F401 - read here, before the first trial's clock starts

        for axis, variant in defined:
            define(axis, variant)

        assert shared is not None and limits is not None
        self.shared, self.limits, self.keep_weights = shared, limits, keep_weights
        self.splits: dict[str, Splits] = {}
        self.device = "cuda" if ray.get_gpu_ids() else "cpu"
        self.assignment: str | None = None
        self.weights: bytes | None = None
        torch.set_num_threads(1)

    def assign(self, assignment: str | None, weights: bytes | None) -> None:
        """The assignment (JSON) of the next step; `WAIT` lets it wait for one, None ends this worker. weights: of
        a finished trial, where kept."""
        self.assignment, self.weights = assignment, weights

    def step(self) -> dict[str, Any]:
        if self.assignment is None:
            return {"done": True}
        if self.assignment == WAIT:
            time.sleep(WAIT_S)
            return {"idle": True}
        from mmbench.sweep.trial import measure_again, run_group
        from mmbench.training.trial import import_variants

        todo = Assignment.model_validate_json(self.assignment)
        name = todo.job.config.dataset
        if name not in self.splits:
            self.splits[name] = self.shared[name].splits(self.device)
        spec, splits = self.shared[name].spec, self.splits[name]
        with self._ended_when_stuck(after=IMPORT_S):
            import_variants(todo.job.config, spec)
        with self._ended_when_stuck(trials=len(todo.members)):
            if todo.outputs is None:
                jobs, measures = [a.job for a in todo.members], [a.measures for a in todo.members]
                files = run_group(jobs, spec, splits, self.limits, measures=measures, keep_weights=self.keep_weights)
                return {"packed": {"trials": [one.pack() for one in files]}}
            names = todo.measures.probes
            measured = measure_again(todo.job, todo.outputs, self.weights, spec, splits, self.limits, names)
            return {"packed": {"measured": measured.model_dump_json()}}

    @contextmanager
    def _ended_when_stuck(self, after: float = GRACE_S, trials: int = 1) -> Iterator[None]:
        """A trial that hangs in C code never sees Python's alarm: this watchdog, a C thread, ends the process `after`
        seconds beyond the limit of so many trials."""
        if self.limits.seconds is None:
            yield
            return
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            faulthandler.dump_traceback_later(trials * self.limits.seconds + after, exit=True, file=nowhere)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
