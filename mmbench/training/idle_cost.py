"""What a step and a prediction of each of many methods cost, measured in turn with nothing else running."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import threadpoolctl
import torch

from mmbench.model.attention_cost import free_memory
from mmbench.schema.dataset import DataSpec
from mmbench.schema.idle_cost import IdleCost
from mmbench.schema.plan import Job
from mmbench.training.drift import without_drift
from mmbench.training.sandbox import TrialTimeoutError, own_settings, seed_everything, time_limit
from mmbench.training.timed import TimedBaseline, TimedModel
from mmbench.training.trial import Splits, one_line

COPIES = 5
"""Of each method: where its numbers happen to lie in memory makes about one model in ten slower by a tenth, for as long
as it lives. Of three, two are slow too often: of seventy methods, two were. A slow one, whose numbers fill the caches
anyway, has one copy."""
ROUNDS, FEWEST = 10, 3
"""Of each copy. The lower quartile of all counts: what disturbs some does not count, nor does one lucky round. A
machine's speed changes by a tenth within seconds, so that many short rounds, far apart, say more than a few long ones.
"""
ENOUGH = 8.0
"""Seconds of rounds after which a method takes part in the fewest only."""
LONGEST = 120.0
"""Seconds to make a method, to copy it, or of one of its rounds, after which it is left out."""
TOGETHER, SHARE = 6e9, 0.3
"""Bytes that the models need which are held, and measured in turn, at one time, and the share of what is free. What is
recorded of a step to be replayed takes as much again as the step."""


class _Method:
    """Copies of one method, which take turns."""

    def __init__(self, job: Job, spec: DataSpec, splits: Splits) -> None:
        self.job, self.spec, self.splits = job, spec, splits
        first = self._made()
        self.memory = first.memory()
        first.warm_up()
        self.copies = [first]
        self.seconds = 0.0

    def _made(self) -> TimedModel | TimedBaseline:
        seed_everything(self.job.config.seed)
        kind = TimedBaseline if self.job.config.train is None else TimedModel
        return kind(self.job, self.spec, self.splits)

    def copy(self) -> None:
        """Make one more, unless it is a slow one, or there is no room for more: the first is as good without."""
        if self.copies[0].slow:
            return
        with suppress(Exception):
            made = self._made()
            made.warm_up()
            self.copies.append(made)

    def round(self, which: int, turn: int) -> Mapping[str, float]:
        """Times of one copy, if there is such a one, and there is time for more."""
        if which >= len(self.copies) or (turn >= FEWEST and self.seconds > ENOUGH):
            return {}
        began = time.perf_counter()
        found = self.copies[which].round()
        self.seconds += time.perf_counter() - began
        return found

    def cost(self, times: Mapping[str, float]) -> IdleCost:
        first = self.copies[0]
        steps = first.steps.per_epoch if isinstance(first, TimedModel) else None
        all_: dict[str, Any] = {**times, **first.once}
        return IdleCost(trial_id=self.job.trial_id, steps=steps, memory=self.memory, **all_)

    def close(self) -> None:
        for copy in self.copies:
            copy.close()


class _Times:
    """What was timed, in the order of time."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[str, float]]] = {}

    def add(self, method: str, found: Mapping[str, float]) -> None:
        for name, seconds in found.items():
            self.taken.setdefault(name, []).append((method, seconds))

    def settled(self) -> dict[str, dict[str, float]]:
        """Of each method, the lower quartile of each of its times, without what the machine did meanwhile."""
        found: dict[str, dict[str, float]] = {}
        for name, rows in self.taken.items():
            methods = list(dict.fromkeys(method for method, _ in rows))
            place = {method: i for i, method in enumerate(methods)}
            index = np.array([place[method] for method, _ in rows])
            times = without_drift(index, np.array([seconds for _, seconds in rows]))
            for method, i in place.items():
                found.setdefault(method, {})[name] = float(np.percentile(times[index == i], 25))
        return found


@contextmanager
def _fair() -> Iterator[None]:
    """One thread, as a trial has: with more, methods would share out differently what is idle."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with own_settings(), threadpoolctl.threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def measure_alone(
    jobs: Mapping[str, Job], spec: DataSpec, splits: Splits, *, on_method: Callable[[], None] = lambda: None
) -> dict[str, IdleCost]:
    """The cost of each method. jobs: one of each, by its name. on_method: is called after each.

    One that raises, or takes too long, has a reason in place of numbers.
    """
    found: dict[str, IdleCost] = {}
    ready: dict[str, _Method] = {}

    def attempt(name: str, act: Callable[[], None]) -> None:
        try:
            with time_limit(LONGEST):
                act()
            return
        except TrialTimeoutError:
            why = f"took longer than {LONGEST:g} s"
        except (Exception, SystemExit) as error:  # a variant may raise anything; its trial says what
            why = one_line(error)
        found[name] = IdleCost(trial_id=jobs[name].trial_id, failed=why)
        ready.pop(name, None)

    def prepare(name: str) -> None:
        ready[name] = _Method(jobs[name], spec, splits)

    order = random.Random(0)

    def in_turn() -> list[str]:
        """In another order each time, so that a machine that slows down does so for all alike, and none always follows
        the same one, which has left the caches as it needs them."""
        return order.sample(list(ready), len(ready))

    def measure() -> None:
        # Pass by pass, so that copies of one method lie far apart, in memory and in time.
        for _ in range(1, COPIES):
            for name in in_turn():
                attempt(name, ready[name].copy)
        times = _Times()

        def timed(name: str, which: int, turn: int) -> None:
            times.add(name, ready[name].round(which, turn))

        for turn in range(ROUNDS):
            for which in range(COPIES):
                for name in in_turn():
                    attempt(name, partial(timed, name, which, turn))
        settled = times.settled()
        for name, method in ready.items():
            found[name] = method.cost(settled[name])
            with suppress(Exception):
                method.close()
        ready.clear()

    # The library that counts allocations writes to stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    most = min(TOGETHER, SHARE * free_memory(splits["train"].labels.device))
    with _fair():
        for name in jobs:
            attempt(name, partial(prepare, name))
            on_method()
            if sum(2 * COPIES * (method.memory or 0) for method in ready.values()) > most:
                measure()
        measure()
    return {name: found[name] for name in jobs}
