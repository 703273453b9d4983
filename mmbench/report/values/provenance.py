"""Where the numbers come from, and what the methods were trained with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mmbench.report.values.words import count


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What some methods on one data set were trained with. methods: their keys. values: name and value, as in
    params.yaml."""

    dataset: str
    methods: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A ledger or a results.parquet that went into a merged report.

    trials: that it holds; used: those of them that the plan declares (a trial that several sources hold equally counts
    in each); foreign: why others are not in the plan, with their number. curves: whether learning curves came along.
    machines: hardware in words. first, last: ISO 8601, of the oldest and the newest trial that is used.
    """

    name: str
    kind: Literal["ledger", "parquet"]
    trials: int
    used: int
    foreign: Mapping[str, int]
    curves: bool
    machines: tuple[str, ...]
    first: str | None
    last: str | None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the numbers come from. hours: sum of the trials' wall time. Dates: ISO 8601 of the oldest and newest
    result. timed_on: the hardware whose times are compared, None where all trials ran on one kind. measured_on: by
    quantity, the hardware within which it is compared, where its trials do not say so. sources: what was merged, where
    anything was. timed_alone: the data sets whose costs were measured with nothing else
    running. unrepeatable: operations that a GPU does not repeat bit by bit -> trials that used them.
    """

    commits: tuple[str, ...]
    dirty: bool | None
    data_hashes: Mapping[str, str]
    versions: Mapping[str, tuple[str, ...]]
    hardware: tuple[str, ...]
    seeds: tuple[int, ...]
    hours: float
    fingerprints: int
    first: str | None
    last: str | None
    budget: Mapping[str, str]
    timed_on: str | None = None
    measured_on: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    timed_alone: tuple[str, ...] = ()
    unrepeatable: Mapping[str, int] = field(default_factory=dict)


def source_words(source: Source) -> str:
    """`a/ledger: 120 trials on cpu x, cores 2, from 2026-11-20 to 2026-11-21`, and what was left out."""
    dates = {str(moment)[:10]: None for moment in (source.first, source.last)}
    said = f"{source.name}: {count(source.used, 'trial')} on {'; '.join(source.machines)}, {' to '.join(dates)}"
    if source.foreign:
        left = ", ".join(f"{n:,} {why}" for why, n in source.foreign.items())
        said += f"; left out, since they are not in the plan: {left}"
    return said if source.curves else f"{said}; no learning curves, which a Parquet file does not hold"
