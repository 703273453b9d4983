"""What MLflow shows of the report's own records, as plain values: a run for each method on each data set, which is the
parent of its trials, and one for each contrast. The numbers are those of verdicts.json; nothing is computed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmbench.report.values import titles
from mmbench.report.values.methods import Method, method_of
from mmbench.schema.metric import METRICS
from mmbench.schema.trial import TrialConfig
from mmbench.tracking import links
from mmbench.tracking.names import contrast_name, method_name
from mmbench.tracking.palette import GREY

METHOD, CONTRAST = "method", "contrast"
"""Values of the tag `level`; that of a trial's run is `trial`."""

COST_NAMES = {"inference_us": "inference_us_per_sample"}
"""Costs that trials have under another name."""

LONGEST = 2000
"""Characters of a text that may be long."""

TURNED = {"better": "worse", "worse": "better"}
STATES = {"complete": "one seed", "pending": "not run"}
"""What stands in place of a verdict where there is none."""


@dataclass(frozen=True, kw_only=True)
class RowContent:
    """A run that is no trial. key: what it stands for, the same in every report. metrics: what it lacks now and had
    before becomes NaN, since MLflow can take none away. tags: one that is empty is not there."""

    level: str
    key: str
    name: str
    tags: dict[str, str]
    metrics: dict[str, float]

    @property
    def hash(self) -> str:
        """16 hex digits of SHA-256 over all of it."""
        text = json.dumps([self.name, self.tags, self.metrics], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def method_key(dataset: str, method: str) -> str:
    """`unique: additive + concat · shared`."""
    return f"{dataset}: {method}"


def key_of(config: TrialConfig) -> str:
    """Of the method that a trial is of."""
    return method_key(config.dataset, config.cell)


def _axes(dataset: str, method: Method, colour: Mapping[str, str]) -> dict[str, str]:
    """Tags that say what a method is."""
    levels = {"attention": method.attention, "fusion": method.fusion, "architecture": method.architecture}
    named = levels | {"baseline": method.baseline, "modality": method.modality}
    return {axis: label for axis, label in named.items() if label is not None} | {
        "dataset": dataset,
        "role": method.role,
        "method": method.key,
        "mlflow.runColor": colour.get(method.architecture or "", GREY),
    }


def stub(config: TrialConfig, colour: Mapping[str, str]) -> RowContent:
    """The run of a method before a report says anything of it. `colour`: by architecture."""
    method = method_of(config, {})
    note = f"{titles.method(method)} on {config.dataset}: its numbers come with the next report."
    return RowContent(
        level=METHOD,
        key=key_of(config),
        name=method_name(config.dataset, method),
        tags=_axes(config.dataset, method, colour) | {"mlflow.note.content": note},
        metrics={},
    )


def method_rows(
    found: Mapping[str, Any], colour: Mapping[str, str], *, experiment_id: str, report: str
) -> Iterator[RowContent]:
    """The runs of all methods of a report, in its order. found: verdicts.json. report: its address in MLflow."""
    places: dict[str, int] = {}
    for record in found["methods"]:
        dataset = record["dataset"]
        places[dataset] = places.get(dataset, 0) + 1
        verdict, gap = _standing(record, found["verdicts"])
        method = Method(
            key=record["method"],
            family=None,
            **{k: record[k] for k in ("role", "attention", "fusion", "architecture", "modality", "baseline")},
        )
        offered = {"Its trials, side by side": links.trials(experiment_id, dataset, method.key), "The report": report}
        tags = _axes(dataset, method, colour) | {
            "verdict": verdict,
            "seeds": f"{len(record['seeds'])} of {record['declared_seeds']}",
            "reason": (record["reason"] or "")[:LONGEST],
            "mlflow.note.content": _note(record, method, verdict, offered),
        }
        yield RowContent(
            level=METHOD,
            key=method_key(dataset, record["method"]),
            name=method_name(dataset, method),
            tags=tags,
            metrics={"row": float(places[dataset])} | _numbers(record, gap),
        )


def _standing(record: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> tuple[str, float | None]:
    """A method's verdict and its difference to the best combination. That of a control stands with the best one."""
    if record["best"]:
        return "best", 0.0
    if record["role"] != "cell":
        for v in verdicts:
            if (v["kind"], v["dataset"], v["reference"]) == ("control", record["dataset"], record["method"]):
                return TURNED.get(v["verdict"], v["verdict"] or "one seed"), -v["estimate"]
        return "", None
    return record["verdict"] or STATES.get(record["state"], record["state"]), record["gap_to_best"]


def _numbers(record: Mapping[str, Any], gap: float | None) -> dict[str, float]:
    main = record["metric"]
    means = {f"mean/test/{name}": value for name, value in record["metrics"].items()}
    cost = {f"usage/{COST_NAMES.get(name, name)}": value for name, value in record["cost"].items()}
    numbers = {
        f"mean/test/{main}": record["score"],
        "half_width": record["half_width"],
        "gap_to_best": gap,
        f"mean/val/{main}": record["validation"],
        **{key: value for key, value in means.items() if key != f"mean/test/{main}"},
        **cost,
    }
    return {key: _short(value) for key, value in numbers.items() if value is not None}


def _short(value: float) -> float:
    """With as many digits as a column shows: six that count. Whole numbers stay as they are."""
    return float(value) if value == int(value) else float(f"{value:.6g}")


def _note(record: Mapping[str, Any], method: Method, verdict: str, offered: Mapping[str, str]) -> str:
    label = METRICS[record["metric"]].label if record["metric"] in METRICS else record["metric"]
    lines = [f"{titles.method(method)} on {record['dataset']}: no score ({record['reason'] or record['state']})."]
    if record["score"] is not None:
        n = record["compared_seeds"]
        mean = f"{label} {record['text']} on test, mean over {n} {'seed' if n == 1 else 'seeds'}"
        against = {"": "", "best": ", the best combination"}.get(verdict, f"; against the best combination: {verdict}")
        seeds = ", ".join(f"{value:.4f} ({seed})" for seed, value in record["seeds"].items())
        lines = [f"{titles.method(method)} on {record['dataset']}: {mean}{against}.", "", f"By seed: {seeds}"[:LONGEST]]
    return "\n".join([*lines, "", " · ".join(f"[{what}]({where})" for what, where in offered.items())])


def contrast_rows(found: Mapping[str, Any]) -> Iterator[RowContent]:
    """The runs of all contrasts of a report, in its order. found: verdicts.json."""
    contrasts = [v for v in found["verdicts"] if v["kind"] == CONTRAST] + found.get("over_all", [])
    for place, v in enumerate(contrasts, 1):
        better, other = (titles.level(v["axis"], v[side]) for side in ("subject", "reference"))
        bounds = "" if v["low"] is None else f" ({v['low']:+.4f} to {v['high']:+.4f})"
        said = v["verdict"] or "one seed decides nothing"
        label = METRICS[v["metric"]].label if v["metric"] in METRICS else v["metric"]
        estimate = f"{v['estimate']:+.4f}{bounds} {label}"
        note = f"{better} minus {other} on {v['dataset']}, all else equal: {estimate}: {said}."
        numbers = {"row": place, **{k: v[k] for k in ("estimate", "low", "high", "margin", "p", "seeds", "decided_at")}}
        yield RowContent(
            level=CONTRAST,
            key=f"{v['dataset']}: {v['axis']}: {' / '.join(sorted((v['subject'], v['reference'])))}",
            name=contrast_name(v["dataset"], v["axis"], v["subject"], v["reference"]),
            tags={
                "dataset": v["dataset"],
                "axis": v["axis"],
                "subject": v["subject"],
                "reference": v["reference"],
                "metric": v["metric"],
                "verdict": said if v["verdict"] else "one seed",
                "lasts": {True: "yes", False: "no"}.get(v["lasts"], ""),
                "mlflow.runColor": GREY,
                "mlflow.note.content": note,
            },
            metrics={key: _short(value) for key, value in numbers.items() if value is not None},
        )
