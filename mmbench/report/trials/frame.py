"""The tidy table: one row a declared trial, whatever became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from mmbench.report.values.coverage import Counts, Problem
from mmbench.report.values.methods import method_of
from mmbench.schema.metric import METRICS
from mmbench.schema.plan import Plan
from mmbench.schema.quantity import QUANTITIES
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig

Results = Mapping[str, TrialResult]

_TYPES = {
    "trial_id": "string",
    "name": "string",
    "role": "string",
    "method": "string",
    "dataset": "string",
    "attention": "string",
    "fusion": "string",
    "fusion_family": "string",
    "architecture": "string",
    "modalities": "string",
    "baseline": "string",
    "seed": "Int64",
    "configuration": "Int64",
    "state": "string",
    "message": "string",
}
_REST = {
    "seconds": "Float64",
    "started": "string",
    "data_hash": "string",
    "fingerprint": "string",
    "commit": "string",
    "dirty": "boolean",
    "versions": "string",
    "hardware": "string",
    "measured_on": "string",
    "metric": "string",
    "config": "string",
}


def _type(name: str) -> str:
    """Of the column of a quantity. Of a quantity whose probe is not installed here: whatever its values are."""
    quantity = QUANTITIES.get(name)
    if quantity is None or quantity.per != "trial":
        return "object"
    return "Int64" if quantity.whole else "Float64"


def columns(metrics: Iterable[str], quantities: Iterable[str]) -> dict[str, str]:
    """Name and type of each column of `Context.frame` and reports/results.parquet, in order.

    metrics: each is a column `test_<metric>` and `validation_<metric>`. quantities: each is a column of its name.
    Absent values are <NA>. Modalities are joined by "+"; versions, hardware, measured_on and config are JSON.
    docs/results-schema.md says what each column means.
    """
    metrics = list(metrics)
    scores = {f"{split}_{name}": "Float64" for split in ("test", "validation") for name in metrics}
    return _TYPES | scores | {"best_epoch": "Int64"} | {name: _type(name) for name in quantities} | _REST


def quantity_columns(frame: pd.DataFrame) -> list[str]:
    """The columns of the frame that are quantities, in order."""
    names = [str(name) for name in frame.columns]
    return names[names.index("best_epoch") + 1 : names.index("seconds")]


def ordered(found: Iterable[str], known: Iterable[str]) -> list[str]:
    """The known names among those found, in their order, then the others."""
    found = set(found)
    first = [name for name in known if name in found]
    return first + sorted(found.difference(first))


def _config_columns(config: TrialConfig, families: Mapping[str, str]) -> dict[str, Any]:
    method = method_of(config, families)
    return {
        "name": config.name,
        "role": config.role,
        "method": method.key,
        "dataset": config.dataset,
        "attention": method.attention,
        "fusion": method.fusion,
        "fusion_family": method.family,
        "architecture": method.architecture,
        "modalities": "+".join(config.modalities),
        "baseline": config.baseline,
        "seed": config.seed,
        "configuration": config.configuration,
        "config": config.canonical(),
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _result_columns(result: TrialResult) -> dict[str, Any]:
    scores = {f"{split}_{name}": value for split, by in result.metrics.items() for name, value in by.items()}
    return {
        **scores,
        **result.quantities,
        "state": str(result.state),
        "message": result.message,
        "best_epoch": None if result.best_epoch is None else result.best_epoch + 1,
        "seconds": result.seconds,
        "started": result.started,
        "commit": result.provenance.commit,
        "dirty": result.provenance.dirty,
        "versions": _json(result.provenance.versions),
        "hardware": _json(result.provenance.hardware),
        "measured_on": _json(result.measured_on) if result.measured_on else None,
    }


def tidy(plan: Plan, results: Results, families: Mapping[str, str], metrics: Mapping[str, str]) -> pd.DataFrame:
    """One row a declared trial, in the plan's order, the skipped ones last. Results outside the plan are left out.

    metrics: the metric compared, by data set; they have columns even where no result has them yet.
    """
    rows = []
    found = set(metrics.values())
    quantities = set(QUANTITIES)
    for job in plan.jobs:
        row = _config_columns(job.config, families) | {
            "trial_id": job.trial_id,
            "data_hash": job.data_hash,
            "fingerprint": job.fingerprint,
            "state": str(State.PENDING),
        }
        result = results.get(job.trial_id)
        rows.append(row if result is None else row | _result_columns(result))
        if result is not None:
            found.update(*result.metrics.values())
            quantities.update(result.quantities)
    rows.extend(
        _config_columns(skip.config, families) | {"state": str(State.SKIPPED), "message": skip.reason}
        for skip in plan.skipped
    )
    types = columns(ordered(found, METRICS), ordered(quantities, QUANTITIES))
    frame = pd.DataFrame(rows, columns=list(types))
    frame["metric"] = frame["dataset"].map(metrics)
    return frame.astype(types)


def coverage(frame: pd.DataFrame, datasets: Iterable[str]) -> tuple[Counts, ...]:
    """Trials by state: over everything, then a line a data set."""

    def count(name: str, part: pd.DataFrame) -> Counts:
        by_state = part["state"].value_counts().to_dict()
        return Counts(name=name, declared=len(part), **{str(s): int(by_state.get(str(s), 0)) for s in State})

    return (count("all", frame), *(count(name, frame[frame["dataset"] == name]) for name in datasets))


def problems(frame: pd.DataFrame) -> tuple[Problem, ...]:
    """Every trial that ended without a score, and every skip, with its message."""
    unwell = frame[~frame["state"].isin([str(State.DONE), str(State.PENDING)])]
    return tuple(
        Problem(
            trial_id=None if pd.isna(row["trial_id"]) else row["trial_id"],
            name=row["name"],
            method=row["method"],
            dataset=row["dataset"],
            seed=int(row["seed"]),
            state=row["state"],
            message="" if pd.isna(row["message"]) else row["message"],
        )
        for row in unwell.to_dict("records")
    )
