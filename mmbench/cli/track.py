"""`mmbench track`: the ledger -> MLflow."""

from __future__ import annotations

import click

from mmbench.cli.project import Project, load, on_project


@click.command(short_help="Import the ledger into MLflow.")
@on_project
def track(project: Project) -> None:
    """Bring MLflow in line with the ledger: each trial one run, however often this is called.

    A sweep does this by itself; this command is for an MLflow that was away, new or emptied.
    """
    from mmbench.tracking import log_report, redact, sync, tracking_uri

    loaded = load(project)
    counts = sync(loaded.params.tracking, loaded.plan, loaded.results, loaded.specs, project.root)
    click.echo(
        f"MLflow at {redact(tracking_uri(project.root))}: {counts.added} runs added, {counts.replaced} replaced, "
        f"{counts.unchanged} left as they were"
    )
    click.echo(", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.states.items()))
    reports = project.root / "reports"
    if (reports / "report.html").exists() and log_report(loaded.params.tracking, project.root, reports):
        click.echo("the report is an artifact of the run `summary`")
