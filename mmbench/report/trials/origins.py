"""What differs in where two sets of results come from: code, data, settings, versions, hardware, dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmbench.report.trials.machines import kind
from mmbench.report.values.words import count, listing
from mmbench.schema.result import TrialResult

Cells = Mapping[tuple[str, str], Mapping[int, TrialResult]]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that is not the same on both sides, in words."""

    what: str
    old: str
    new: str


def _all(side: Cells) -> list[TrialResult]:
    return [r for trials in side.values() for r in trials.values()]


def _several(values: Iterable[str]) -> str:
    return listing(sorted(set(values))) if values else "none"


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """`{"train.epochs": "12"}`"""
    if not isinstance(value, Mapping):
        return {prefix: str(value)}
    nested = [_flat(v, f"{prefix}.{k}" if prefix else str(k)) for k, v in value.items()]
    return {k: v for each in nested for k, v in each.items()}


def _settings(old: Cells, new: Cells) -> Iterator[Fact]:
    """Settings that differ in cells of the same name, with the number of cells."""
    changed: Counter[tuple[str, str, str]] = Counter()
    for cell in old.keys() & new.keys():
        a, b = (
            _flat(next(iter(side[cell].values())).config.model_dump(mode="json", exclude={"seed"}))
            for side in (old, new)
        )
        changed.update((k, a.get(k, "–"), b.get(k, "–")) for k in {**a, **b} if a.get(k) != b.get(k))
    for (key, before, after), n in sorted(changed.items()):
        yield Fact(what=f"{key} ({count(n, 'method')})", old=before, new=after)


def _source(old: Cells, new: Cells) -> Iterator[Fact]:
    shared = sorted(old.keys() & new.keys())
    first = [[next(iter(side[cell].values())).provenance.fingerprint for cell in shared] for side in (old, new)]
    differ = [cell for cell, a, b in zip(shared, *first, strict=True) if a != b]
    if differ:
        methods = sorted({method for _, method in differ})
        yield Fact(
            what="source code that the methods reach",
            old="",
            new=f"differs for {len(differ)} of {count(len(shared), 'method')}: {listing(methods)}",
        )


def _differing(old: Cells, new: Cells, what: str, of: Callable[[TrialResult], str | None]) -> Iterator[Fact]:
    a, b = ([v for r in _all(side) if (v := of(r)) is not None] for side in (old, new))
    if set(a) != set(b):
        yield Fact(what=what, old=_several(a), new=_several(b))


def _version(package: str) -> Callable[[TrialResult], str | None]:
    return lambda r: r.provenance.versions.get(package)


def facts(old: Cells, new: Cells) -> tuple[Fact, ...]:
    """Only what differs, the weightiest first."""
    found = [*_settings(old, new), *_source(old, new)]
    for dataset in sorted({d for d, _ in old} & {d for d, _ in new}):
        a, b = ({c: trials for c, trials in side.items() if c[0] == dataset} for side in (old, new))
        found += _differing(a, b, f"data of {dataset}", lambda r: r.provenance.data_hash[:16])
    found += _differing(old, new, "hardware", lambda r: kind(r.provenance.hardware))
    packages = sorted({p for side in (old, new) for r in _all(side) for p in r.provenance.versions})
    found += [fact for package in packages for fact in _differing(old, new, package, _version(package))]
    found += _differing(old, new, "commit", lambda r: r.provenance.commit and r.provenance.commit[:10])
    found += _differing(
        old,
        new,
        "uncommitted changes",
        lambda r: None if r.provenance.dirty is None else ["no", "yes"][r.provenance.dirty],
    )
    found += _differing(old, new, "days", lambda r: r.started[:10])
    return tuple(found)
