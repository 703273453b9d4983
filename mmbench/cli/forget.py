"""`mmbench forget`: let some trials run again."""

from __future__ import annotations

import sys

import click

from mmbench.cli.project import Project, on_project
from mmbench.errors import UserError, suggest


@click.command(short_help="Let trials that failed run again.")
@click.option("--state", "states", required=True, help="States to forget, such as timeout,failed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_project
def forget(project: Project, states: str, yes: bool) -> None:
    """Remove the results in these states from the ledger, so that the next sweep runs their trials again."""
    from mmbench.schema.result import FINISHED, State

    known = [state.value for state in FINISHED]
    chosen = [word.strip() for word in states.split(",") if word.strip()]
    for word in chosen:
        if word not in known:
            raise UserError(f"unknown state {word!r} in --state{suggest(word, known)}")
    ledger = project.ledger()
    wanted = [State(word) for word in chosen]
    count = sum(result.state in wanted for result in ledger.read().values())
    if not count:
        click.echo(f"the ledger holds no {' or '.join(chosen)} trial")
        return
    results = "1 result" if count == 1 else f"{count} results"
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(f"this would remove {results} from {ledger.folder}; say --yes to do it")
        click.confirm(f"Remove {results} from {ledger.folder}?", abort=True)
    with ledger.lock():
        ledger.forget(*wanted)
    click.echo(f"removed {results}; `dvc repro` runs what is missing")
