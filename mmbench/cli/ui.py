"""`mmbench ui`: browse the runs in MLflow."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

import click

from mmbench.cli.browser import open_page
from mmbench.cli.project import Project, on_project
from mmbench.errors import UserError


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _show(url: str, *, browser: bool) -> None:
    click.echo(url)
    if browser:
        open_page(url)


@click.command(short_help="Browse the runs in MLflow.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 5000, or a free port if that is taken.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="With another address than loopback, anyone can read and change the runs.",
)
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser, where there is one.")
@on_project
def ui(project: Project, port: int | None, host: str, browser: bool) -> None:
    """Serve MLflow's pages over the project's runs until Ctrl-C, and open the page to look at first.

    Its address is printed, too. Where MLFLOW_TRACKING_URI names a server, that one is used.
    """
    from mmbench.tracking import first_view_url, open_store, redact, report_url
    from mmbench.tracking.server import LOOPBACK, serving
    from mmbench.tracking.store import is_server

    if host not in LOOPBACK:
        click.echo(f"warning: MLflow has no password; whoever reaches {host} can read and change the runs", err=True)
    params = project.params()
    store = open_store(params.tracking, project.root)
    if is_server(store.uri):
        _show(first_view_url(redact(store.uri), store.experiment_id, params.grid.datasets), browser=browser)
        return
    if not store.client.search_runs([store.experiment_id], max_results=1):
        click.echo("no runs yet: `dvc repro` makes some, `mmbench track` imports those of the ledger", err=True)
    signal.signal(signal.SIGTERM, _stop)
    # A script's background job starts with SIGINT ignored, and then nothing short of SIGTERM would end the server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    click.echo("starting MLflow ...", err=True)
    with serving(store, project.root, host=host, port=port) as server:
        _show(first_view_url(server.url, store.experiment_id, params.grid.datasets), browser=browser)
        report = project.root / "reports" / "report.html"
        if report.exists():
            click.echo(f"report with links to these runs: {report_url(report, server.url, store.experiment_id)}")
        click.echo("Ctrl-C ends it.", err=True)
        server.process.wait()
        raise UserError(f"MLflow's server ended by itself with code {server.process.returncode}")
