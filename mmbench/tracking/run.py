"""What MLflow shows of one trial, as plain values: no mlflow here, and the same result always gives the same run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from mmbench.report.values import titles
from mmbench.report.values.methods import method_of
from mmbench.schema.metric import METRICS
from mmbench.schema.quantity import GROUP, Value, describe, group_of
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.tracking.names import trial_name
from mmbench.tracking.palette import GREY

LAYOUT = "2"
"""Counts up when runs are laid out otherwise: those of another layout are then written anew, since MLflow can take no
metric away."""
LEVEL = "trial"
PARENT = "mlflow.parentRunId"
LONGEST_TAG = 2000
_KEY = re.compile(r"[^\w\-. /]")
"""What MLflow takes in no key."""

MOST_PARTS = 24
"""Of a quantity: a list of more numbers, such as the bins of a diagram, is no chart of its own for each of them."""

CURVES, USAGE = "curves", "usage"
"""How keys begin of learning curves, and of what is measured besides scores. A run's page shows a section for each
beginning, in the order of the alphabet: curves, test, usage, val."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One value of a metric. time: ms since 1970. step: 0-based epoch; 0 for a final number."""

    key: str
    value: float
    time: int
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class RunContent:
    """One MLflow run. start, end: ms since 1970. data_hash: of what it read, None where it read nothing."""

    trial_id: str
    name: str
    status: str
    start: int
    end: int
    tags: dict[str, str]
    params: dict[str, str]
    points: tuple[Point, ...]
    data_hash: str | None


def _choices(config: TrialConfig) -> dict[str, str]:
    """The axes of the comparison, as far as this trial has them."""
    chosen = {"attention": config.attention, "fusion": config.fusion, "architecture": config.architecture}
    found = {axis: choice.label for axis, choice in chosen.items() if choice is not None}
    if config.baseline is not None:
        found["baseline"] = config.baseline
    if config.budget != 1:
        found["budget"] = f"x{config.budget:g}"
    return found | {
        "dataset": config.dataset,
        "seed": str(config.seed),
        "role": config.role,
        "modalities": " + ".join(config.modalities),
    }


def _settings(config: TrialConfig) -> Iterator[tuple[str, str]]:
    for prefix, settings in (("model", config.model), ("train", config.train)):
        if settings is not None:
            for key, value in settings.model_dump(mode="json").items():
                yield f"{prefix}.{key}", "none" if value is None else str(value)


def _main(result: TrialResult, wanted: str | None) -> str | None:
    """The metric that leads: the one wanted or, where the trial has no such score, the one that chose its epoch."""
    scores = result.metrics.get("test", {})
    chose = (name.removeprefix("validation_") for name in result.curves if name.startswith("validation_"))
    known = [*chose, *scores] if wanted is None else [wanted, *chose, *scores]
    return next((n for n in known if n in scores and (n != "loss" or n == wanted)), None)


def _finals(result: TrialResult, main: str | None) -> Iterator[tuple[str, float]]:
    """The scalars of a trial, the headline first: all scores on test; on validation those that chose the epoch."""
    test, validation = result.metrics.get("test", {}), result.metrics.get("validation", {})
    for name in sorted(test, key=lambda n: n != main):
        yield f"test/{name}", test[name]
    for name in dict.fromkeys((main or "loss", "loss")):
        if name in validation:
            yield f"val/{name}", validation[name]
    for name, value in result.quantities.items():
        yield from _quantity(name, value, result.config.modalities)


def _quantity(name: str, value: Value, modalities: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """`usage/parameters`; of a list one key for each modality or level, `usage/robustness/accuracy/0.5`,
    where there are not too many."""
    group, rows = group_of(name), describe(name, value).rows(value, modalities)
    for part, number in rows if len(rows) <= MOST_PARTS else ():
        names = (USAGE, "" if group == GROUP else group, name, _KEY.sub("_", part))
        yield "/".join(filter(None, names)), float(number)


def _curve(name: str) -> str:
    """`validation_accuracy` -> `curves/val_accuracy`."""
    split, _, what = name.partition("_")
    return f"{CURVES}/val_{what}" if split == "validation" and what else f"{CURVES}/{name}"


def _points(result: TrialResult, main: str | None, start: int, end: int) -> Iterator[Point]:
    """Final numbers at the end of the run; epochs spread evenly over it, since their times are not recorded."""
    for key, value in _finals(result, main):
        yield Point(key=key, value=value, time=end)
    for name, curve in result.curves.items():
        for epoch, height in enumerate(curve):
            if height is not None:
                time = start + (end - start) * (epoch + 1) // len(curve)
                yield Point(key=_curve(name), value=height, time=time, step=epoch)


def _sentence(result: TrialResult, main: str | None) -> str:
    """The first line of the description: all that MLflow shows of it before a click."""
    where = _what(result.config)
    if result.state is not State.DONE:
        return f"{where}: {result.state.replace('_', ' ')} after {result.seconds:.0f} s: {result.message}"
    score = "no test score"
    if main is not None:
        way = "" if METRICS[main].higher else " (lower is better)"
        score = f"test {METRICS[main].label} {result.metrics['test'][main]:.3f}{way}"
    epochs = max((len(curve) for curve in result.curves.values()), default=0)
    return f"{where}: {score} after {f'{epochs} epochs and ' if epochs else ''}{result.seconds:.0f} s."


def _what(config: TrialConfig) -> str:
    return f"{titles.method(method_of(config, {}))} on {config.dataset}, seed {config.seed}"


def _note(result: TrialResult, main: str | None, links: Mapping[str, str]) -> str:
    lines = [_sentence(result, main), "", f"`trial_id` {result.trial_id}: the same file name in the ledger."]
    if links:
        lines += ["", " · ".join(f"[{what}]({where})" for what, where in links.items())]
    if result.traceback:
        lines += ["", "```", result.traceback[-3000:], "```"]
    return "\n".join(lines)


def result_hash(result: TrialResult) -> str:
    """16 hex digits of SHA-256 over all of a result."""
    return hashlib.sha256(result.model_dump_json().encode()).hexdigest()[:16]


def period(result: TrialResult) -> tuple[int, int]:
    """When a trial ran: ms since 1970."""
    start = round(datetime.fromisoformat(result.started).timestamp() * 1000)
    return start, start + round(result.seconds * 1000)


def from_result(
    result: TrialResult,
    colour: Mapping[str, str],
    *,
    current: bool,
    main: str | None = None,
    parent: str | None = None,
    links: Mapping[str, str] | None = None,
) -> RunContent:
    """The run of a finished trial. `colour`: by architecture; a control is grey. `current`: the plan contains it.
    `main`: the main metric of its data set. `parent`: run_id of its method. `links`: what is offered -> address."""
    main = _main(result, main)
    start, end = period(result)
    tags = _tags(result.config, colour, parent) | {
        "state": result.state.value,
        "trial_id": result.trial_id,
        "result_hash": result_hash(result),
        "current": "yes" if current else "no",
        "data_hash": result.provenance.data_hash,
        "fingerprint": result.provenance.fingerprint,
        "mlflow.note.content": _note(result, main, links or {}),
    }
    if result.message is not None:
        tags["reason"] = result.message[:LONGEST_TAG]
    if result.provenance.commit is not None:
        tags["commit"] = result.provenance.commit + (" with changes" if result.provenance.dirty else "")
    return RunContent(
        trial_id=result.trial_id,
        name=trial_name(result.config),
        status="FINISHED" if result.state is State.DONE else "FAILED",
        start=start,
        end=end,
        tags=tags,
        params=_choices(result.config) | dict(_settings(result.config)),
        points=tuple(_points(result, main, start, end)),
        data_hash=result.provenance.data_hash,
    )


def _tags(config: TrialConfig, colour: Mapping[str, str], parent: str | None) -> dict[str, str]:
    """Those that do not depend on how a trial ended."""
    choices = _choices(config)
    return choices | {
        "method": config.cell,
        "budget": f"x{config.budget:g}",
        "configuration": str(config.configuration),
        "level": LEVEL,
        "layout": LAYOUT,
        "mlflow.runColor": colour.get(choices.get("architecture", ""), GREY),
        **({} if parent is None else {PARENT: parent}),
    }


def skip_id(config: TrialConfig) -> str:
    """What identifies a skipped trial, which has no trial_id since it has neither data nor source to run."""
    return "skipped-" + hashlib.sha256(config.canonical().encode()).hexdigest()[:16]


def from_skip(
    config: TrialConfig, reason: str, colour: Mapping[str, str], *, time: int, parent: str | None = None
) -> RunContent:
    """The run of a declared trial that cannot be. `time`: ms since 1970, when it was first found so."""
    return RunContent(
        trial_id=skip_id(config),
        name=trial_name(config),
        status="KILLED",
        start=time,
        end=time,
        tags=_tags(config, colour, parent)
        | {
            "state": State.SKIPPED.value,
            "trial_id": skip_id(config),
            "result_hash": hashlib.sha256(reason.encode()).hexdigest()[:16],
            "current": "yes",
            "reason": reason[:LONGEST_TAG],
            "mlflow.note.content": f"{_what(config)}: skipped: {reason}",
        },
        params=_choices(config) | dict(_settings(config)),
        points=(),
        data_hash=None,
    )
