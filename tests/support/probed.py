"""Invented ledgers in which probes have measured everything, of the right shape and at random."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from mmbench.schema.quantity import QUANTITIES, TRAINING, Quantity, Value, group_of
from mmbench.schema.result import State, TrialResult
from tests.support.factory import Made


def probed(made: Made) -> Made:
    """The same ledger with a value of every quantity that a probe measures of its trials."""
    names = {n: q for n, q in QUANTITIES.items() if n not in TRAINING and group_of(n) != "cost" and q.per != "item"}
    results = {
        trial_id: r.model_copy(update={"quantities": r.quantities | _values(r, names)}) if r.state is State.DONE else r
        for trial_id, r in made.results.items()
    }
    return replace(made, results=results)


def _values(result: TrialResult, names: dict[str, Quantity]) -> dict[str, Value]:
    draw = np.random.default_rng(int(hashlib.sha256(result.trial_id.encode()).hexdigest()[:12], 16))
    found: dict[str, Value] = {}
    for name, quantity in names.items():
        count = len(quantity.names(result.config.modalities))
        if quantity.per == "trial":
            value = float(draw.uniform(0.3, 0.9))
            found[name] = round(100 * value) if quantity.whole else round(value, 6)
        elif count:
            found[name] = [
                float(round(x)) if quantity.whole else round(float(x), 6) for x in draw.uniform(0.3, 0.9, count)
            ]
    return found
