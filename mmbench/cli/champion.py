"""`mmbench champion`: the best model of each data set, as a registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mmbench.cli.output import spinner
from mmbench.cli.project import Loaded, Project, load, on_project
from mmbench.errors import UserError, suggest

if TYPE_CHECKING:
    from mmbench.champion.restore import Restored
    from mmbench.schema.dataset import DataSpec
    from mmbench.schema.plan import Job
    from mmbench.tracking.store import Store


@click.command(short_help="Register the best model of each data set.")
@click.argument("datasets", nargs=-1, metavar="[DATASET]...")
@on_project
def champion(project: Project, *, datasets: tuple[str, ...]) -> int:
    """Register the best model of each data set in MLflow with the alias `champion`.

    The method with the best mean over seeds on validation is chosen, and of it the seed that is best there. It is
    restored from its weights where these were kept and give the ledger's outputs on test, else trained again: on like
    hardware that gives the same numbers bit by bit, and where it does not, that is reported. A model that is registered
    already stays as it is.
    """
    return register_best(project, datasets)


def register_best(project: Project, datasets: tuple[str, ...]) -> int:
    """Of these data sets, or of all; returns the exit code. Raises UserError."""
    loaded = load(project)
    for name in datasets:
        if name not in loaded.specs:
            raise UserError(f"unknown data set {name!r}{suggest(name, loaded.specs)}")
    if not loaded.params.tracking.enabled:
        click.echo("nothing is registered: params.yaml turns MLflow off (tracking.enabled)", err=True)
        return 0
    from mmbench.tracking import open_store, sync

    # So that each model has the run of its trial.
    sync(loaded.params.tracking, loaded.plan, loaded.results, loaded.specs, project.root)
    store = open_store(loaded.params.tracking, project.root)
    failed = 0
    for name in datasets or tuple(loaded.specs):
        try:
            click.echo(f"{name}: {_register(project, loaded, store, name)}")
            if why := _too_briefly(loaded, name):
                click.echo(f"warning: {name}: models were trained too briefly to rank them: {why}", err=True)
        except UserError as error:
            failed += 1
            click.echo(f"error: {name}: {error}", err=True)
    return 1 if failed else 0


def _register(project: Project, loaded: Loaded, store: Store, name: str) -> str:
    from mmbench.champion.choose import choose
    from mmbench.tracking.champion import register, registered

    spec, settings = loaded.specs[name], loaded.params.tracking
    job = choose(loaded.plan, loaded.results, spec)
    kept = loaded.results[job.trial_id]
    if (known := registered(store, settings, kept)) is not None:
        return f"{_scores(loaded, name, job)}; {known.uri} is this model already (version {known.version})"
    from mmbench.champion.restore import restore
    from mmbench.ledger.store import limits_of

    folder = project.root / "data" / "prepared" / name
    with spinner(f"restoring {job.config.name}"):
        restored = restore(job, kept, loaded.ledger, folder, limits_of(loaded.params.sweep))
        made = register(store, settings, job, restored, spec, folder)
    return f"{_scores(loaded, name, job)}, {_agreement(restored, spec)}; {made.uri} (version {made.version})"


def _too_briefly(loaded: Loaded, name: str) -> str:
    """Why training was too short to rank anything on a data set; empty where it was not."""
    from mmbench.report.scores.training import training_reports

    jobs = [j for j in loaded.plan.jobs if j.config.dataset == name and j.config.configuration == 0]
    found = [loaded.results.get(j.trial_id) for j in jobs]
    ended = [r for r in found if r is not None and r.best_epoch is not None]
    budgets = {n: stand.budget for n, stand in loaded.stands.items() if stand.budget is not None}
    reports = training_reports((name,), [j.config for j in jobs], ended, loaded.specs, budgets)
    return next((t.short for t in reports if t.trained), "")


def _agreement(restored: Restored, spec: DataSpec) -> str:
    """What was checked of the model, and what came of it."""
    if restored.origin == "weights":
        rounding = "" if restored.exact else " but for rounding"
        return f"from its kept weights, which give the same outputs on test{rounding}"
    if restored.exact:
        return "the same when trained again"
    now = restored.result.metrics["test"].get(spec.task.metric, float("nan"))
    return f"but {now:.3f} on test when trained again, on other hardware or libraries than the sweep's"


def _scores(loaded: Loaded, name: str, job: Job) -> str:
    from mmbench.schema.metric import METRICS

    metric = loaded.specs[name].task.metric
    parts = loaded.results[job.trial_id].metrics
    shown = " and ".join(f"{parts[s].get(metric, float('nan')):.3f} on {s}" for s in ("validation", "test"))
    return f"{job.config.cell}, seed {job.config.seed}: {METRICS[metric].label} {shown}"
