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
from mmbench.sweep.checkpoints import EVERY_S, Kept, Put
from mmbench.sweep.rounds.assignment import Assignment, Packed
from mmbench.sweep.shared_dataset import Data

if TYPE_CHECKING:
    from mmbench.training.trial import Splits

# What trials need (torch, scikit-learn) is imported in the workers, where the driver has no use for it and no time.

GRACE_S = 5.0
"""How long after its limit a trial may still end by itself before its process is ended."""
Assigned = list[tuple[str, bytes | None, bytes | None]]
"""Assignments (JSON), one after the other, each with the weights of its finished trial, where kept, and with the
checkpoint of an attempt that was lost. An empty list: there is none now, but there may be one later."""
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
        put: Put = lambda trial_id, content: None,
        every: float = EVERY_S,
        defined: Sequence[tuple[Axis, Variant]] = (),
    ) -> None:
        import torch

        import mmbench.sweep.trial  # noqa: F401 - read here, before the first trial's clock starts

        for axis, variant in defined:
            define(axis, variant)
        # What travels whole is the driver's own, and is in no file here.
        self.comparable = not defined

        assert shared is not None and limits is not None
        self.shared, self.limits, self.keep_weights = shared, limits, keep_weights
        self.put, self.every = put, every
        self.splits: dict[str, Splits] = {}
        # Ray also sees GPUs that this build of PyTorch cannot use.
        self.device = "cuda" if ray.get_gpu_ids() and torch.cuda.is_available() else "cpu"
        self.assigned: Assigned | None = None
        self.wait = WAIT_S
        torch.set_num_threads(1)

    def assign(self, assigned: Assigned | None, wait: float = WAIT_S) -> None:
        """What the next step does; none yet lets it wait so many seconds, None ends this worker."""
        self.assigned, self.wait = assigned, wait

    def step(self) -> dict[str, Any]:
        if self.assigned is None:
            return {"done": True}
        if not self.assigned:
            time.sleep(self.wait)
            return {"idle": True}
        return {"packed": [self._work(*one) for one in self.assigned]}

    def _work(self, assignment: str, weights: bytes | None, checkpoint: bytes | None) -> Packed:
        from mmbench.sweep.other_code import other_code
        from mmbench.sweep.trial import measure_again, run_group
        from mmbench.training.trial import import_variants

        todo = Assignment.model_validate_json(assignment)
        name = todo.job.config.dataset
        if name not in self.splits:
            self.splits[name] = self.shared[name].splits(self.device)
        spec, splits = self.shared[name].spec, self.splits[name]
        if self.comparable and (why := other_code(todo, spec)):
            return Packed({"refused": why})
        with self._ended_when_stuck(after=IMPORT_S):
            import_variants(todo.job.config, spec)
        with self._ended_when_stuck(trials=len(todo.members)):
            if todo.outputs is None:
                jobs, measures = [a.job for a in todo.members], [a.measures for a in todo.members]
                files = run_group(
                    jobs,
                    spec,
                    splits,
                    self.limits,
                    measures=measures,
                    keep_weights=self.keep_weights,
                    checkpoints=Kept(todo.job.trial_id, checkpoint, self.put, self.every),
                )
                return Packed({"trials": [one.pack() for one in files]})
            names = todo.measures.probes
            measured = measure_again(todo.job, todo.outputs, weights, spec, splits, self.limits, names)
            return Packed({"measured": measured.model_dump_json()})

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
