"""`mmbench track`: the ledger -> MLflow."""

from __future__ import annotations

import click

from mmbench.cli.project import Project, load, on_project


@click.command(short_help="Import the ledger into MLflow.")
@click.option(
    "--here", is_flag=True, help="After this project was copied or moved: make its MLflow point to this folder."
)
@on_project
def track(project: Project, here: bool) -> None:
    """Import the ledger into MLflow: one run for each trial, however often you call this.

    A sweep does this by itself. Use this command if MLflow was unreachable, is new, or was emptied.
    """
    from mmbench.tracking import log_report, redact, sync, take_over, tracking_uri

    loaded = load(project)
    if here:
        changed = take_over(loaded.params.tracking, project.root)
        click.echo(f"{changed:,} addresses in mlflow.db now point here" if changed else "mlflow.db already points here")
    counts = sync(loaded.params.tracking, loaded.plan, loaded.results, loaded.specs, project.root)
    click.echo(
        f"MLflow at {redact(tracking_uri(project.root))}: {counts.added} runs added, {counts.replaced} replaced, "
        f"{counts.unchanged} left as they were"
    )
    click.echo(", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.states.items()))
    reports = project.root / "reports"
    if (reports / "report.html").exists() and log_report(loaded.params.tracking, project.root, reports):
        click.echo("the report is an artifact of the run `summary`")
