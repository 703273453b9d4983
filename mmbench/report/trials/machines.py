"""Which hardware a trial ran on. Times and memory are compared within one kind of hardware only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
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


def one_kind(records: Sequence[dict[str, Any]]) -> str | None:
    """Blank the times of all finished trials that did not run on the hardware on which most did.

    records: rows of the tidy frame, changed in place. Returns that hardware, None where there is but one kind.
    """
    done = [(r, kind_of(r)) for r in records if r["train_seconds"] is not None]
    counts = Counter(name for _, name in done)
    if len(counts) < 2:
        return None
    most = min(counts, key=lambda name: (-counts[name], name))
    for record, name in done:
        if name != most:
            record.update(dict.fromkeys(name for name, q in QUANTITIES.items() if q.machine))
    return most
