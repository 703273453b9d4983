"""`mmbench champion`: the best model of each data set, as a registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mmbench.cli.output import spinner
from mmbench.cli.project import Loaded, Project, load, on_project
from mmbench.errors import UserError, suggest

if TYPE_CHECKING:
    from mmbench.schema.plan import Job
    from mmbench.tracking.store import Store


@click.command(short_help="Register the best model of each data set.")
@click.argument("datasets", nargs=-1, metavar="[DATASET]...")
@on_project
def champion(project: Project, *, datasets: tuple[str, ...]) -> int:
    """Train the best model of each data set again and register it in MLflow with the alias `champion`.

    Of the trained models the one that is best on validation is chosen. The ledger keeps no weights; trained again on
    like hardware, a trial gives the same numbers bit by bit, and where it does not, that is reported. A model that is
    registered already stays as it is.
    """
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
    from mmbench.champion.retrain import again
    from mmbench.ledger.store import limits_of

    folder = project.root / "data" / "prepared" / name
    with spinner(f"training {job.config.name} again"):
        second = again(job, kept, folder, limits_of(loaded.params.sweep))
        made = register(store, settings, job, second, spec, folder)
    agrees = "the same when trained again"
    if not second.reproduced:
        now = second.result.metrics["test"].get(spec.task.metric, float("nan"))
        agrees = f"but {now:.3f} on test when trained again, on other hardware or libraries than the sweep's"
    return f"{_scores(loaded, name, job)}, {agrees}; {made.uri} (version {made.version})"


def _scores(loaded: Loaded, name: str, job: Job) -> str:
    from mmbench.schema.metric import METRICS

    metric = loaded.specs[name].task.metric
    parts = loaded.results[job.trial_id].metrics
    shown = " and ".join(f"{parts[s].get(metric, float('nan')):.3f} on {s}" for s in ("validation", "test"))
    return f"{job.config.cell}, seed {job.config.seed}: {METRICS[metric].label} {shown}"
