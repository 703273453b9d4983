"""`mmbench new`: a new project."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Make a project: settings, stages, cards.")
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Make a project in FOLDER, which must be new or empty: params.yaml, dvc.yaml, .gitignore, README.md and the cards
    of the data sets that are generated. `dvc repro` then runs it there; no clone of mmbench is needed.
    """
    from mmbench.project.create import create

    for name in create(folder):
        click.echo(f"wrote {folder / name}")
    click.echo()
    click.echo(f"next: cd {folder}")
    click.echo("      dvc repro prepare   (make the data)")
    click.echo("      mmbench plan        (what params.yaml asks for)")
    click.echo("      dvc repro           (train and report)")
