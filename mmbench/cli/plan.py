"""`mmbench plan`: what the settings mean, before anything runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Loaded, Project, as_json_option, load, on_project

if TYPE_CHECKING:
    from mmbench.config import Params, TrialConfig

ROLES = {"cell": "cells", "single": "single modalities", "baseline": "baselines"}
GRID_AXES = ("attention", "fusion", "architecture")


def with_profile(params: Params, profile: str | None) -> Params:
    """The settings with all three axes of the grid at `core` or `full`."""
    if profile is None:
        return params
    grid = params.grid.model_copy(update=dict.fromkeys(GRID_AXES, profile))
    return params.model_copy(update={"grid": grid})


def _pending(loaded: Loaded) -> set[str]:
    from mmbench.sweep.ledger import limits_of

    return {job.trial_id for job in loaded.ledger.pending(loaded.plan, limits_of(loaded.params.sweep))}


def _trial(config: TrialConfig, state: str, **more: str) -> dict[str, Any]:
    return {"name": config.name, "state": state, **more, **config.model_dump(mode="json")}


def _trials(loaded: Loaded, pending: set[str]) -> list[dict[str, Any]]:
    """Every declared trial, in the order in which they run; the skipped ones last."""
    found = []
    for job in loaded.plan.jobs:
        state = "pending" if job.trial_id in pending else loaded.results[job.trial_id].state.value
        found.append({"trial_id": job.trial_id} | _trial(job.config, state))
    return found + [_trial(skip.config, "skipped", reason=skip.reason) for skip in loaded.plan.skipped]


def _show(loaded: Loaded, trials: list[dict[str, Any]]) -> None:
    pending = sum(trial["state"] == "pending" for trial in trials)
    skipped = len(loaded.plan.skipped)
    finished = len(trials) - pending - skipped
    click.echo(f"{len(trials)} trials declared: {pending} pending, {finished} finished, {skipped} skipped")
    for axis in GRID_AXES:
        labels = dict.fromkeys(c.label for t in _configs(loaded) if (c := getattr(t, axis)) is not None)
        click.echo(f"{axis} ({len(labels)}): {', '.join(labels)}")
    click.echo(f"seeds: {loaded.params.grid.seeds}")
    rows: list[list[str | int]] = []
    for name in loaded.params.grid.datasets:
        own = [t for t in trials if t["dataset"] == name]
        roles, states = Counter(t["role"] for t in own), Counter(t["state"] for t in own)
        done = len(own) - states["pending"] - states["skipped"]
        counts = [roles[role] for role in ROLES]
        rows.append(
            [name, " + ".join(loaded.specs[name].modalities), *counts, states["skipped"], done, states["pending"]]
        )
    heading("By data set")
    table(["data set", "modalities", *ROLES.values(), "skipped", "finished", "pending"], rows)
    if skipped:
        heading("Skipped")
        reasons = Counter(skip.reason for skip in loaded.plan.skipped)
        table(["trials", "reason"], [[count, reason] for reason, count in reasons.most_common()])
    if pending:
        click.echo()
        click.echo("`dvc repro` runs what is pending; `mmbench plan --json` names every trial.")


def _configs(loaded: Loaded) -> list[TrialConfig]:
    return [job.config for job in loaded.plan.jobs] + [skip.config for skip in loaded.plan.skipped]


@click.command(short_help="What the settings mean, before anything runs.")
@click.option("--profile", type=click.Choice(["core", "full"]), help="Instead of the levels that params.yaml names.")
@on_project
@as_json_option
def plan(project: Project, profile: str | None, json_: bool) -> None:
    """Show which trials the settings declare, which cannot be and why, and which are still to run."""
    loaded = load(project, with_profile(project.params(), profile))
    trials = _trials(loaded, _pending(loaded))
    if json_:
        states = Counter(trial["state"] for trial in trials)
        as_json({"declared": len(trials), "states": dict(states), "trials": trials})
    else:
        _show(loaded, trials)
