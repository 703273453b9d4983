"""Cost against length, one profile per device."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmbench.report.scores.context import Context


@dataclass(frozen=True, kw_only=True)
class Growth:
    """cost ~ length^exponent, fitted over the lengths first ... last. half: of the 95 % interval, None with two."""

    exponent: float
    half: float | None
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class LengthRow:
    """What one attention costs as sequences grow; one value a measured length, in seconds and bytes.

    training: forward and backward. last_...: at the report's greatest length, None where it did not get there. speedup:
    against the exact softmax, same length, same run. stopped_at: the first length that was not measured, and why.
    """

    attention: str
    lengths: tuple[int, ...]
    forward: tuple[float, ...]
    training: tuple[float, ...]
    memory: tuple[int, ...]
    time_growth: Growth | None
    memory_growth: Growth | None
    last_training: float | None
    last_memory: int | None
    speedup: float | None
    stopped_at: int | None
    why: str | None
    message: str | None


@dataclass(frozen=True, kw_only=True)
class LengthReport:
    """One profile of all mechanisms on one device. fitted_from: tokens from which exponents are fitted."""

    device: str
    conditions: str
    fitted_from: int
    lengths: tuple[int, ...]
    longest: int
    reference: str
    rows: tuple[LengthRow, ...]
    finding: str


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Fronts are part of the context's data sets, since rows are marked by them. lengths: one per device."""

    context: Context = field(repr=False, compare=False)
    lengths: tuple[LengthReport, ...]
