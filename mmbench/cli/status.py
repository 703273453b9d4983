"""`mmbench status`: how far a sweep is and what failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Loaded, Project, as_json_option, load, on_project

if TYPE_CHECKING:
    from mmbench.schema.result import TrialResult


def _results_of_plan(loaded: Loaded) -> list[TrialResult]:
    found = (loaded.results.get(job.trial_id) for job in loaded.plan.trials)
    return [result for result in found if result is not None]


def _by_dataset(loaded: Loaded) -> dict[str, dict[str, int]]:
    from mmbench.ledger.store import coverage
    from mmbench.schema.plan import Plan

    counts = {}
    for name in loaded.params.grid.datasets:
        part = Plan(
            jobs=tuple(job for job in loaded.plan.trials if job.config.dataset == name),
            skipped=tuple(skip for skip in loaded.plan.skipped if skip.config.dataset == name),
        )
        counts[name] = {state.value: count for state, count in coverage(part, loaded.results).items()}
    return counts


def _times(finished: list[TrialResult]) -> dict[str, Any]:
    """seconds: of the trials' own time, added up. first, last: start of the first and end of the last trial."""
    if not finished:
        return {"seconds": 0.0, "first": None, "last": None}
    starts = [datetime.fromisoformat(r.started) for r in finished]
    ends = [start.timestamp() + r.seconds for start, r in zip(starts, finished, strict=True)]
    last = datetime.fromtimestamp(max(ends), tz=starts[0].tzinfo)
    return {
        "seconds": sum(r.seconds for r in finished),
        "first": min(starts).isoformat(timespec="seconds"),
        "last": last.isoformat(timespec="seconds"),
    }


def _failures(finished: list[TrialResult]) -> list[dict[str, Any]]:
    return [
        {
            "name": r.config.name,
            "state": r.state.value,
            "message": r.message,
            "seconds": r.seconds,
            "trial_id": r.trial_id,
        }
        for r in finished
        if r.state != "done"
    ]


def _unmeasured(loaded: Loaded) -> dict[str, dict[str, int]]:
    """By kind and name, how many finished trials lack it; of costs, how many methods, once all is trained."""
    from mmbench.ledger.store import coverage
    from mmbench.schema.result import State
    from mmbench.sweep import idle_costs
    from mmbench.sweep.measure import counts, missing

    found = counts(missing(loaded.plan, loaded.results, loaded.ledger, loaded.specs))
    if loaded.params.sweep.time_alone and not coverage(loaded.plan, loaded.results)[State.PENDING]:
        methods = sum(map(len, idle_costs.missing(loaded.plan, loaded.results, loaded.ledger).values()))
        found["costs"] = {"costs measured alone": methods} if methods else {}
    return found


def unmeasured_line(unmeasured: dict[str, dict[str, int]]) -> str | None:
    """What finished trials lack, in a sentence; None where they lack nothing."""
    parts = [f"{name} ({number})" for names in unmeasured.values() for name, number in names.items()]
    if not parts:
        return None
    return f"Finished trials still lack: {', '.join(parts)}. `dvc repro` measures that and trains nothing again."


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`6 min ago`, `2 h ago`, `3 days ago`; the day itself where it is longer ago."""
    seconds = ((now or datetime.now(tz=UTC)) - moment).total_seconds()
    if seconds < 90:
        return "just now"
    for unit, length, most in (("min", 60, 60), ("h", 3600, 36), ("days", 86400, 14)):
        if seconds < most * length:
            return f"{round(seconds / length)} {unit} ago"
    return f"on {moment.date().isoformat()}"


def _show(found: dict[str, Any]) -> None:
    from mmbench.schema.metric import METRICS
    from mmbench.sweep.progress import duration, under_others

    counts = found["states"]
    shown = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
    click.echo(f"{found['declared']} trials declared{under_others(found['ladder'])}: {shown}")
    times = found["time"]
    if times["first"] is not None:
        spent = duration(times["seconds"])
        first, last = (ago(datetime.fromisoformat(times[name])) for name in ("first", "last"))
        click.echo(f"{spent} of training in trials; the first began {first}, the last ended {last}")
    states = [state for state, count in counts.items() if count]
    heading("By data set")
    titles = {name: METRICS[metric].title for name, metric in found["metrics"].items()}
    rows = [[name, titles[name], *(own[state] for state in states)] for name, own in found["datasets"].items()]
    table(["data set", "metric", *(state.replace("_", " ") for state in states)], rows)
    if found["failures"]:
        heading("Failures")
        rows = [[f["name"], f["state"].replace("_", " "), f["message"]] for f in found["failures"]]
        table(["trial", "state", "message"], rows)
    for file, why in found["broken"].items():
        click.secho(f"broken: {file}: {why}; its trial counts as pending", err=True)
    for file, why in found["notes"].items():
        click.secho(f"note: {file} {why}", err=True)
    if (lacking := unmeasured_line(found["unmeasured"])) is not None:
        click.echo()
        click.echo(lacking)
    if counts["pending"]:
        click.echo()
        click.echo(f"`dvc repro` runs the {counts['pending']} pending trials.")


@click.command(short_help="How far the sweep is, and what failed.")
@on_project
@as_json_option
def status(project: Project, json_: bool) -> None:
    """Show how many trials of the plan are done, pending or failed, and the messages of those that failed."""
    from mmbench.ledger.store import coverage

    loaded = load(project)
    finished = _results_of_plan(loaded)
    found = {
        "declared": loaded.plan.declared,
        "ladder": len(loaded.plan.ladder),
        "states": {state.value: count for state, count in coverage(loaded.plan, loaded.results).items()},
        "datasets": _by_dataset(loaded),
        "metrics": {name: loaded.specs[name].task.metric for name in loaded.params.grid.datasets},
        "failures": _failures(finished),
        "time": _times(finished),
        "unmeasured": _unmeasured(loaded),
        "notes": {str(file): why for file, why in loaded.ledger.notes.items()},
        "broken": {str(file): why for file, why in loaded.ledger.broken.items()},
    }
    if json_:
        as_json(found)
    else:
        _show(found)
