"""What one mechanism costs at one length: time of a forward and of a training pass, and peak memory."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch import Tensor
from torch.utils import benchmark

from mmbench.model.block import as_heads, split_heads
from mmbench.model.interfaces import Attention

Make = Callable[[], Attention]

LEAST = 3
"""Passes behind a time, unless they take longer together than PATIENCE seconds."""
PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """precision: "float32" or "bfloat16" (by autocast). seconds: for how long every time is measured, at least."""

    device: torch.device
    precision: str = "float32"
    batch: int = 1
    heads: int = 2
    width: int = 64
    seconds: float = 0.2

    def autocast(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.precision))


def free_memory(device: torch.device) -> int:
    """Bytes that are free on the device now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


class Bench:
    """A mechanism in self-attention at one length, with tokens laid out as the block hands them over.

    A mechanism that is not content based gets values only, and its one row is spread over all tokens, as in the block.
    """

    def __init__(self, make: Make, length: int, setting: Setting) -> None:
        torch.manual_seed(0)
        self.setting = setting
        self.mechanism = make().to(setting.device)
        parts = 3 if self.mechanism.content_based else 1
        shape = (setting.batch, length, setting.width)
        self.leaves = [torch.randn(shape, device=setting.device, requires_grad=True) for _ in range(parts)]
        self.mask = torch.ones(shape[:2], dtype=torch.bool, device=setting.device)
        self.above = split_heads(torch.randn(shape, device=setting.device), setting.heads)
        self.trained = [*self.leaves, *self.mechanism.parameters()]

    def forward(self) -> Tensor:
        tokens = [split_heads(x, self.setting.heads) for x in self.leaves]
        with self.setting.autocast():
            y, _ = self.mechanism(as_heads(tokens, kv_mask=self.mask, q_mask=self.mask))
        return y.expand_as(self.above)

    def inference(self) -> None:
        with torch.no_grad():
            self.forward()

    def training(self) -> None:
        """Forward and backward."""
        torch.autograd.grad(self.forward(), self.trained, self.above, allow_unused=True)

    def timed(self, what: str) -> tuple[float, float]:
        """Median and interquartile range of seconds."""
        timer = benchmark.Timer(f"bench.{what}()", globals={"bench": self}, num_threads=torch.get_num_threads())
        taken = timer.blocked_autorange(min_run_time=self.setting.seconds)
        # A single pass says nothing about how much times vary, and on a busy machine nothing about the time either.
        while len(taken.times) < LEAST and sum(taken.times) < PATIENCE:
            taken = benchmark.Measurement.merge([taken, timer.timeit(1)])[0]
        return taken.median, taken.iqr

    def memory(self) -> int:
        """Bytes that a training pass needs at most at one time in addition to its inputs, as the allocator counts."""
        if self.setting.device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats(self.setting.device)
            before = torch.cuda.memory_allocated(self.setting.device)
            self.training()
            return int(torch.cuda.max_memory_allocated(self.setting.device) - before)
        return record_allocations(self.training).peak


@dataclass(frozen=True, kw_only=True)
class Allocated:
    """Bytes on the CPU: the most that were held at one time, and the most that were asked for at once."""

    peak: int
    largest: int


def record_allocations(run: Callable[[], object]) -> Allocated:
    """What is allocated while `run` runs, from the profiler's record of every allocation and release.

    Exact, scratch memory inside PyTorch's kernels and custom operators included. The process' own peak would also hold
    what was there before, and what the C library keeps for later.
    """
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as watched:
        run()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        watched.export_chrome_trace(str(file))
        events = json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
    moves = sorted((e["ts"], i, int(e["args"]["Bytes"])) for i, e in enumerate(events) if e["name"] == "[memory]")
    sizes = [size for *_, size in moves]
    return Allocated(peak=max(itertools.accumulate(sizes, initial=0)), largest=max(sizes, default=0))
