"""`mmbench status`: how far a sweep is and what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Looked, Project, as_json_option, look, on_project

if TYPE_CHECKING:
    from mmbench.ledger.briefs import Brief
    from mmbench.schema.plan import Job, Skip


Finished = list[tuple["Job", "Brief"]]


def _finished(looked: Looked) -> Finished:
    found = ((job, looked.briefs.get(job.trial_id)) for job in looked.plan.trials)
    return [(job, brief) for job, brief in found if brief is not None]


def _by_dataset(looked: Looked) -> dict[str, dict[str, int]]:
    from mmbench.ledger.coverage import coverage
    from mmbench.schema.plan import Plan

    jobs: dict[str, list[Job]] = {name: [] for name in looked.params.grid.datasets}
    for job in looked.plan.trials:
        jobs[job.config.dataset].append(job)
    skipped: dict[str, list[Skip]] = {name: [] for name in jobs}
    for skip in looked.plan.skipped:
        skipped[skip.config.dataset].append(skip)
    parts = {name: Plan(jobs=tuple(own), skipped=tuple(skipped[name])) for name, own in jobs.items()}
    return {
        name: {state.value: count for state, count in coverage(part, looked.briefs).items()}
        for name, part in parts.items()
    }


def _times(finished: Finished) -> dict[str, Any]:
    """seconds: of the trials' own time, added up. first, last: start of the first and end of the last trial."""
    if not finished:
        return {"seconds": 0.0, "first": None, "last": None}
    starts = [datetime.fromisoformat(brief.started) for _, brief in finished]
    last = max(start + timedelta(seconds=brief.seconds) for start, (_, brief) in zip(starts, finished, strict=True))
    return {
        "seconds": sum(brief.seconds for _, brief in finished),
        "first": min(starts).isoformat(timespec="seconds"),
        "last": last.isoformat(timespec="seconds"),
    }


def _failures(finished: Finished) -> list[dict[str, Any]]:
    return [
        {
            "name": job.config.name,
            "state": brief.state.value,
            "message": brief.message,
            "seconds": brief.seconds,
            "trial_id": brief.trial_id,
        }
        for job, brief in finished
        if brief.state != "done"
    ]


def _unmeasured(looked: Looked, pending: int) -> dict[str, dict[str, int]]:
    """By kind and name, how many finished trials lack it; of costs, how many methods, once all is trained."""
    from mmbench.sweep import idle_costs
    from mmbench.sweep.measure import counts, missing

    found = counts(missing(looked.plan, looked.briefs, looked.specs))
    if looked.params.sweep.time_alone and not pending:
        methods = sum(map(len, idle_costs.missing(looked.plan, looked.briefs, looked.ledger).values()))
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
    from mmbench.sweep.wording import duration, under_others

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
    from mmbench.paused_collector import paused_collector

    with paused_collector():
        found = _found(look(project))
        if json_:
            as_json(found)
        else:
            _show(found)


def _found(looked: Looked) -> dict[str, Any]:
    """All that is told, as `--json` prints it."""
    finished = _finished(looked)
    datasets = _by_dataset(looked)
    states = {name: sum(own[name] for own in datasets.values()) for name in next(iter(datasets.values()))}
    return {
        "declared": looked.plan.declared,
        "ladder": len(looked.plan.ladder),
        "states": states,
        "datasets": datasets,
        "metrics": {name: looked.specs[name].task.metric for name in looked.params.grid.datasets},
        "failures": _failures(finished),
        "time": _times(finished),
        "unmeasured": _unmeasured(looked, states["pending"]),
        "notes": {str(file): why for file, why in looked.ledger.notes.items()},
        "broken": {str(file): why for file, why in looked.ledger.broken.items()},
    }
