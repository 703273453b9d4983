"""What a mechanism costs at growing lengths: time of a forward and of a training pass, and peak memory.

Lengths come outermost, so that mechanisms are compared within one quiet or busy moment of the machine.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import psutil
import torch
from torch import Tensor
from torch.utils import benchmark

from mmbench.model.block import as_heads, split_heads
from mmbench.model.interfaces import Attention
from mmbench.schema.cost_curves import Point, Series, Stop, fit

Make = Callable[[], Attention]
Foreseen = tuple[Literal["out of memory", "too long"], str] | None
"""Why a mechanism should not be run, for a program and for a person."""

SHARE = 0.6
"""Of the free memory: the most that a mechanism may be expected to need."""
WORST = 2.0
"""Exponent where a single length is known: no mechanism here costs more than every pair of tokens."""
LEAST = 3
"""Passes behind a time, unless they take longer together than PATIENCE seconds."""
PATIENCE = 10.0
FIRST = 64
"""Tokens of a first look, where the shortest length asked for is longer: nothing larger is run unforeseen."""


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


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond which a mechanism is stopped. seconds: of one training pass. memory: bytes."""

    seconds: float
    memory: float


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
        """Bytes that a training pass needs at most at one time, beside its inputs, as the allocator counts them."""
        if self.setting.device.type == "cuda":
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats(self.setting.device)
            before = torch.cuda.memory_allocated(self.setting.device)
            self.training()
            return int(torch.cuda.max_memory_allocated(self.setting.device) - before)
        return allocated(self.training).peak


@dataclass(frozen=True, kw_only=True)
class Allocated:
    """Bytes on the CPU: the most that were held at one time, and the most that were asked for at once."""

    peak: int
    largest: int


def allocated(run: Callable[[], object]) -> Allocated:
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


def measure(make: Make, length: int, setting: Setting) -> Point:
    """Raises what the mechanism raises, out-of-memory included."""
    bench = Bench(make, length, setting)
    bench.training()
    forward, forward_iqr = bench.timed("inference")
    training, training_iqr = bench.timed("training")
    return Point(
        length=length,
        forward=forward,
        forward_iqr=forward_iqr,
        training=training,
        training_iqr=training_iqr,
        memory=bench.memory(),
    )


def expected(lengths: Sequence[int], values: Sequence[float], length: int) -> float:
    """The cost at a greater length: by the exponent of the last three lengths known, or of the last two if greater."""
    known = [(n, v) for n, v in zip(lengths, values, strict=True) if v > 0]
    if not known:
        return 0.0
    fits = [fit([n for n, _ in last], [v for _, v in last]) for last in (known[-3:], known[-2:])]
    exponents = [f.exponent for f in fits if f is not None]
    nearest, value = known[-1]
    return float(value * (length / nearest) ** (max(exponents) if exponents else WORST))


@dataclass
class _Course:
    """One mechanism on its way through the lengths. known: what was measured, first looks in between included."""

    make: Make
    known: list[Point] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    stop: Stop | None = None

    def foresee(self, length: int, limits: Limits) -> Foreseen:
        """Why the mechanism should not be run at that length; None where it may."""
        lengths = [p.length for p in self.known]
        memory = expected(lengths, [p.memory for p in self.known], length)
        if memory > limits.memory:
            said = f"would need about {memory / 1e9:.2g} GB, of which {limits.memory / 1e9:.2g} GB may be used"
            return "out of memory", said
        seconds = expected(lengths, [p.training for p in self.known], length)
        if seconds > limits.seconds:
            return "too long", f"one pass would take about {seconds:.2g} s, more than {limits.seconds:g} s"
        return None

    def steps(self, length: int) -> Iterator[int]:
        """Doublings up to that length, from what is known: growth seen at short lengths says little of far ones."""
        step = 2 * self.known[-1].length if self.known else FIRST
        while step < length:
            yield step
            step *= 2
        yield length

    def foresee_again(self, length: int, setting: Setting, limits: Limits) -> Foreseen:
        """`foresee`; where time is the reason, after another look at the last length, which may have been disturbed."""
        why = self.foresee(length, limits)
        if why is None or why[0] != "too long":
            return why
        last = self.known[-1]
        again = measure(self.make, last.length, replace(setting, seconds=0.0))
        self.known[-1] = min(last, again, key=lambda point: point.training)
        if self.points and self.points[-1] is last:
            self.points[-1] = self.known[-1]
        return self.foresee(length, limits)

    def go(self, length: int, setting: Setting, limits: Limits) -> None:
        """Measure at the next length, unless it is foreseen that this cannot be."""
        try:
            for step in self.steps(length):
                if (why := self.foresee_again(step, setting, limits)) is not None:
                    already = "" if step == length else f"already at {step:,} tokens "
                    self.stop = Stop(length=length, why=why[0], message=already + why[1])
                    return
                brief = setting if step == length else replace(setting, seconds=0.0)
                self.known.append(measure(self.make, step, brief))
            self.points.append(self.known[-1])
        except Exception as error:
            self.stop = Stop(length=length, why=_why(error), message=_first_line(error))


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]


def _why(error: BaseException) -> Literal["out of memory", "failed"]:
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
    return "out of memory" if full else "failed"


def profile(
    mechanisms: Mapping[str, Make], lengths: Sequence[int], setting: Setting, limits: Limits
) -> Iterator[tuple[str, int, Point | Stop]]:
    """Measure every mechanism at every length, shortest first; yields each step as it is done.

    A mechanism that would pass a limit, or fails, is stopped there, and the rest goes on.
    """
    courses = {name: _Course(make) for name, make in mechanisms.items()}
    for length in sorted(set(lengths)):
        for name, course in courses.items():
            if course.stop is not None:
                continue
            course.go(length, setting, limits)
            yield name, length, course.stop or course.points[-1]


def collect(steps: Sequence[tuple[str, int, Point | Stop]]) -> tuple[Series, ...]:
    """The steps of `profile` as one series a mechanism, in the order in which they first came."""
    names = dict.fromkeys(name for name, *_ in steps)
    found = {n: [outcome for name, _, outcome in steps if name == n] for n in names}
    return tuple(
        Series(
            attention=name,
            points=tuple(x for x in outcomes if isinstance(x, Point)),
            stop=next((x for x in outcomes if isinstance(x, Stop)), None),
        )
        for name, outcomes in found.items()
    )
