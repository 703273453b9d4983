"""Costs that were measured alone take the place of what trials saw, or none does, and the page says which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.trials.idle import use_idle_costs
from mmbench.schema.idle_cost import IdleCost, IdleCosts
from tests.support.factory import EPOCHS, TRUTHS, Made, make


@pytest.fixture(scope="module")
def made() -> Made:
    return make(truths={n: TRUTHS[n] for n in ("redundant", "unique")}, seeds=2, noise=0.01)


def costs_of(made: Made, dataset: str, **changes: Any) -> IdleCosts:
    """Of every method, each larger than the one before."""
    methods: dict[str, IdleCost] = {}
    for job in made.plan.jobs:
        config = job.config
        if config.dataset == dataset and config.cell not in methods:
            own = len(methods) + 1
            training: dict[str, Any] = (
                {"fit": own / 10}
                if config.role == "baseline"
                else {"step": own / 1000, "steps": 50, "validation": 0.1, "memory": own * 10**6}
            )
            methods[config.cell] = IdleCost(
                trial_id=job.trial_id, **training, batch_us=10.0 * own, p50_us=100.0 * own, p95_us=110.0 * own
            )
    hardware = json.loads(json.dumps(next(iter(made.results.values())).provenance.hardware))
    found = IdleCosts(dataset=dataset, fingerprint="f" * 64, hardware=hardware, versions={}, methods=methods)
    return found.model_copy(update=changes)


def report(made: Made, **costs: IdleCosts) -> Report:
    return analyse(**made.arguments(), costs=costs)


def test_times_and_memory_are_those_measured_alone(made: Made) -> None:
    costs = costs_of(made, "unique")
    context = report(made, unique=costs).context
    assert context.provenance.timed_alone == ("unique",)
    for row in context.dataset("unique").rows:
        cost, known = row.cost, costs.methods[row.key]
        assert cost is not None
        epochs = 1 if row.method.role == "baseline" else EPOCHS
        assert cost.train_seconds == pytest.approx(known.training(epochs))
        assert (cost.inference_us, cost.latency_us, cost.latency_95_us) == (known.batch_us, known.p50_us, known.p95_us)
        if row.method.role != "baseline":
            assert cost.peak_memory == known.memory
    plain = report(made).context
    for row in context.dataset("redundant").rows:
        assert row.cost == plain.dataset("redundant").row(row.key).cost, "of the other data set nothing is known"


def test_patience_shortens_what_training_takes() -> None:
    """It ends when so many epochs were no better than the best; a baseline has no epochs."""
    costs = IdleCosts(
        dataset="x",
        fingerprint="f",
        hardware={},
        versions={},
        methods={
            "m": IdleCost(trial_id="a" * 16, step=1.0, steps=1, validation=0.0, batch_us=1.0),
            "b": IdleCost(trial_id="b" * 16, fit=4.0, batch_us=1.0),
        },
    )

    def row(train: dict[str, Any] | None, best: int | None, method: str = "m") -> dict[str, Any]:
        found = dict.fromkeys(("train_seconds", "seconds_per_epoch", "peak_memory", "measured_on"))
        return found | {"state": "done", "method": method, "best_epoch": best, "config": json.dumps({"train": train})}

    rows = [
        row({"epochs": 20, "patience": None}, 7),
        row({"epochs": 20, "patience": 5}, 7),
        row({"epochs": 20, "patience": 5}, 18),
        row(None, None, "b"),
        row({"epochs": 20, "patience": None}, 3) | {"state": "failed"},
    ]
    assert use_idle_costs(rows, costs)
    assert [r["train_seconds"] for r in rows] == [20.0, 12.0, 20.0, 4.0, None]


def test_what_trials_saw_stays_in_their_own_table(made: Made) -> None:
    plain, alone = (report(made, **costs).context.frame for costs in ({}, {"unique": costs_of(made, "unique")}))
    assert plain.equals(alone)


@pytest.mark.parametrize("how", ["absent", "failed"])
def test_where_one_method_has_none_all_keep_what_trials_saw(made: Made, how: str) -> None:
    costs = costs_of(made, "unique")
    name = next(iter(costs.methods))
    others = {n: c for n, c in costs.methods.items() if n != name}
    if how == "failed":
        others[name] = IdleCost(trial_id="0" * 16, failed="ValueError: no")
    context = report(made, unique=costs.model_copy(update={"methods": others})).context
    plain = report(made).context
    assert context.provenance.timed_alone == ()
    assert [r.cost for r in context.dataset("unique").rows] == [r.cost for r in plain.dataset("unique").rows]


def test_the_page_says_how_costs_were_measured(made: Made) -> None:
    both = {n: costs_of(made, n) for n in ("redundant", "unique")}
    words = [render(report(made, **costs)) for costs in ({}, {"unique": both["unique"]}, both)]
    shared, alone = "while trials shared the machine", "were measured one model at a time"
    assert shared in words[0] and alone not in words[0]
    assert f"Times and memory on unique {alone}" in words[1] and f"Times on redundant were taken {shared}" in words[1]
    assert shared not in words[2] and f"Times and memory {alone}" in words[2]
    assert "measured with nothing else running" in words[2] and "for one sample alone" in words[2]


def test_costs_measured_elsewhere_are_said_to_be(made: Made) -> None:
    other = {"cpu": "another kind", "cores": 4, "gpu": None, "system": "Linux"}
    context = report(made, **{n: costs_of(made, n, hardware=other) for n in ("redundant", "unique")}).context
    assert "another kind" in context.provenance.measured_on["train_seconds"]
    assert all(r.cost and r.cost.latency_us for r in context.dataset("unique").rows)
