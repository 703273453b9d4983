"""Attentions that each fail in their own way: what a third party's package might bring."""

from __future__ import annotations

import collections
import itertools
import os
import signal
import time

import torch
from torch import Tensor

from mmbench.model.interfaces import Pooling, Values
from mmbench.registry import variant


class Planted(Pooling):
    """A pooling, like `mean`: attend is called on real data in the first training step."""

    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, None]:
        self.fail()
        return heads.v.mean(2, keepdim=True), None

    def fail(self) -> None:
        raise NotImplementedError


@variant("raises", source="planted")
class Raises(Planted):
    def fail(self) -> None:
        raise ValueError("planted: a shape that cannot be")


@variant("nan", source="planted")
class NaN(Planted):
    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, None]:
        return heads.v.mean(2, keepdim=True) * float("nan"), None


@variant("greedy", source="planted")
class Greedy(Planted):
    def fail(self) -> None:
        torch.ones(2**30, dtype=torch.float32)  # 4 GiB, for real


@variant("endless", source="planted")
class Endless(Planted):
    def fail(self) -> None:
        while True:
            time.sleep(0.1)


@variant("unhurried", source="planted")
class Unhurried(Planted):
    """Sound, and slow without a core: nodes can come and go while its trials run."""

    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, None]:
        time.sleep(0.01)
        return heads.v.mean(2, keepdim=True), None


@variant("stuck", source="planted")
class Stuck(Planted):
    def fail(self) -> None:
        # An endless loop in C that holds the interpreter's lock: no Python signal handler ever runs.
        collections.deque(itertools.repeat(None), maxlen=0)


@variant("vanishing", source="planted")
class Vanishing(Planted):
    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@variant("hoards", source="planted")
class Hoards(Planted):
    def fail(self) -> None:
        kept = torch.ones(3 * 2**29, dtype=torch.float32)  # 6 GiB, touched
        time.sleep(60)
        del kept
