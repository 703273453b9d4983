"""The probe `cost_curves` on many mechanisms at growing lengths.

Lengths come outermost, so that mechanisms are compared within one quiet or busy moment of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from mmbench.model.interfaces import Attention
from mmbench.probe.cost_curves import CostCurves
from mmbench.schema.cost_curves import Point, Series, Stop, fit

Make = Callable[[], Attention]
Foreseen = tuple[Literal["out of memory", "too long"], str] | None
"""Why a mechanism should not be run, for a program and for a person."""

SHARE = 0.6
"""Of the free memory: the most that a mechanism may be expected to need."""
WORST = 2.0
"""Exponent where a single length is known: no mechanism here costs more than every pair of tokens."""
FIRST = 64
"""Tokens of a first look, where the shortest length asked for is longer: nothing larger is run unforeseen."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond which a mechanism is stopped. seconds: of one training pass. memory: bytes."""

    seconds: float
    memory: float


def _measure(probe: CostCurves, make: Make, length: int) -> Point:
    return Point.model_validate({"length": length, **probe.measure(make, str(length))})


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
    probe: CostCurves
    limits: Limits
    known: list[Point] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    stop: Stop | None = None

    def foresee(self, length: int) -> Foreseen:
        """Why the mechanism should not be run at that length; None where it may."""
        lengths, limits = [p.length for p in self.known], self.limits
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

    def foresee_again(self, length: int) -> Foreseen:
        """`foresee`; where time is the reason, after another look at the last length, which may have been disturbed."""
        why = self.foresee(length)
        if why is None or why[0] != "too long":
            return why
        last = self.known[-1]
        again = _measure(self.probe.in_brief(), self.make, last.length)
        self.known[-1] = min(last, again, key=lambda point: point.training)
        if self.points and self.points[-1] is last:
            self.points[-1] = self.known[-1]
        return self.foresee(length)

    def go(self, length: int) -> None:
        """Measure at the next length, unless it is foreseen that this cannot be."""
        try:
            for step in self.steps(length):
                if (why := self.foresee_again(step)) is not None:
                    already = "" if step == length else f"already at {step:,} tokens "
                    self.stop = Stop(length=length, why=why[0], message=already + why[1])
                    return
                probe = self.probe if step == length else self.probe.in_brief()
                self.known.append(_measure(probe, self.make, step))
            self.points.append(self.known[-1])
        except Exception as error:
            self.stop = Stop(length=length, why=_why(error), message=_first_line(error))


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:300]


def _why(error: BaseException) -> Literal["out of memory", "failed"]:
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
    return "out of memory" if full else "failed"


def profile(
    mechanisms: Mapping[str, Make], lengths: Sequence[int], probe: CostCurves, limits: Limits
) -> Iterator[tuple[str, int, Point | Stop]]:
    """Measure every mechanism at every length, shortest first; yields each step as it is done.

    A mechanism that would pass a limit, or fails, is stopped there, and the rest goes on.
    """
    courses = {name: _Course(make, probe, limits) for name, make in mechanisms.items()}
    for length in sorted(set(lengths)):
        for name, course in courses.items():
            if course.stop is not None:
                continue
            course.go(length)
            yield name, length, course.stop or course.points[-1]


def collect(steps: Sequence[tuple[str, int, Point | Stop]]) -> tuple[Series, ...]:
    """The steps of `profile` as one series per mechanism, in the order in which they first came."""
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
