"""Which hardware a trial ran on. Times and memory are compared within one kind of hardware only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmbench.schema.quantity import QUANTITIES

_ORDER = ("cpu", "processor", "cores", "gpu", "system")
UNKNOWN = "hardware that was not recorded"


def kind(facts: Mapping[str, Any]) -> str:
    """The kind of a machine in words. Its memory is left out: two of one kind differ in it by what the system keeps."""
    known = {k: v for k, v in facts.items() if v is not None and k != "memory_gib"}
    names = sorted(known, key=lambda k: (_ORDER.index(k) if k in _ORDER else len(_ORDER), k))
    return ", ".join(f"{k} {known[k]}" for k in names) or UNKNOWN


def kind_of(record: Mapping[str, Any]) -> str:
    """The same from a row of the tidy frame with None for what is absent."""
    return kind(json.loads(record["hardware"] or "{}"))


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Which hardware numbers are compared on.

    Attributes:
        trials: That on which most trials ran; None where all ran on one kind.
        elsewhere: By quantity, that on which most of its numbers were measured, where it is not that of most trials, or
            where only this quantity was measured on several kinds.
    """

    trials: str | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)


def _kinds(record: Mapping[str, Any], own: str) -> dict[str, str]:
    """By quantity that depends on the machine and that the record has. own: the hardware of the trial."""
    moved = {name: kind(facts) for name, facts in json.loads(record["measured_on"] or "{}").items()}
    present = [name for name, q in QUANTITIES.items() if q.machine and record.get(name) is not None]
    return {name: moved.get(name, own) for name in present}


def compare_within_one_kind(records: Sequence[dict[str, Any]]) -> Kinds:
    """Blank the times of finished trials that were not measured on the hardware on which most of their kind were.

    records: rows of the tidy frame, changed in place. A probe may be measured later than its trial, on other hardware:
    so each quantity is compared within the hardware on which most of its own numbers were measured.
    """
    done = [(r, kind_of(r)) for r in records if r["train_seconds"] is not None]
    if not done:
        return Kinds()
    trials = Counter(name for _, name in done)
    most = _most(trials, "")
    measured = [(record, _kinds(record, own)) for record, own in done]
    counts: dict[str, Counter[str]] = {}
    for _, kinds in measured:
        for name, where in kinds.items():
            counts.setdefault(name, Counter())[where] += 1
    chosen = {name: _most(count, most) for name, count in counts.items()}
    for record, kinds in measured:
        record.update({name: None for name, where in kinds.items() if where != chosen[name]})
    several = {name for name, count in counts.items() if len(count) > 1}
    return Kinds(
        trials=most if len(trials) > 1 else None,
        elsewhere={
            name: where for name, where in chosen.items() if where != most or (len(trials) == 1 and name in several)
        },
    )


def _most(counts: Counter[str], preferred: str) -> str:
    """The most frequent; of equally frequent ones the preferred one, then the first by name."""
    return min(counts, key=lambda name: (-counts[name], name != preferred, name))
