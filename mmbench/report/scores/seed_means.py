"""Means over methods under each seed that all of them have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from mmbench.report.scores.dataset_scores import Record


@dataclass(frozen=True, kw_only=True)
class SeedMeans:
    """means: by seed, over `methods` methods, the same under each."""

    means: tuple[float, ...]
    methods: int

    @property
    def trials(self) -> int:
        return self.methods * len(self.means)


def seed_means(values: Iterable[tuple[Record, float | None]]) -> SeedMeans:
    """Of trials that have a value. A race gives some methods more seeds than others: a mean under those seeds would be
    one of other methods, so they are left out, as are seeds under which a method has failed."""
    by_seed: dict[int, dict[str, float]] = {}
    for record, x in values:
        if x is not None:
            by_seed.setdefault(int(record["seed"]), {})[record["method"]] = x
    most = max((own for _, own in sorted(by_seed.items())), key=len, default={})
    means = (fmean(own[m] for m in most) for _, own in sorted(by_seed.items()) if most.keys() <= own.keys())
    return SeedMeans(means=tuple(means), methods=len(most))
