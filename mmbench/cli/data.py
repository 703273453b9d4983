"""`mmbench data`: data sets of your own and public ones, from a folder of files to the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmbench.cli.check import check
from mmbench.cli.commands import Commands
from mmbench.cli.fetch import fetch
from mmbench.cli.init import init
from mmbench.cli.output import as_json, spinner, table
from mmbench.cli.project import Project, as_json_option, on_project
from mmbench.errors import UserError

RAW = Path("data") / "raw"


@click.group(cls=Commands, short_help="Data sets: bring your own, check them, list them.")
def data() -> None:
    """Bring data of your own: `init` drafts a card for a folder of files, `check` looks at every file in it.

    A data set is a folder of data/raw with a card, dataset.yaml. docs/your-data.md explains every field of it.
    """


def _state(name: str, project: Project, grid: tuple[str, ...]) -> dict[str, Any]:
    from mmbench.data.prepare import dataset as prepare

    found: dict[str, Any] = {"name": name, "from": "", "card": "ok", "prepared": None, "in_grid": name in grid}
    try:
        card = prepare.read(name, project.root / RAW).card
        found["from"] = card.dataset.label if card.dataset is not None else card.tables
    except UserError as error:
        found["card"] = str(error).split("\n")[0]
    except Exception as error:  # One card must not hide all others.
        found["card"] = f"cannot be read ({type(error).__name__}: {error})"
    try:
        spec = prepare.prepared(project.root / "data" / "prepared" / name)
    except OSError:
        return found
    if spec is None:
        return found
    return found | {"prepared": {"splits": dict(spec.splits), "modalities": list(spec.modalities), "hash": spec.hash}}


@click.command("list", short_help="Every data set, and whether it is ready.")
@on_project
@as_json_option
def list_data(project: Project, json_: bool) -> None:
    """Show every data set in data/raw: whether its card is right, whether it is prepared and in the grid."""
    from mmbench.data.table.card import FILE

    with spinner("reading cards"):
        grid = project.grid()
        names = sorted(file.parent.name for file in (project.root / RAW).glob(f"*/{FILE}"))
        names += [name for name in grid if name not in names]
        found = [_state(name, project, grid) for name in names]
    if json_:
        as_json(found)
        return
    rows = []
    for one in found:
        prepared = one["prepared"]
        sizes = "–" if prepared is None else ", ".join(f"{n} {split}" for split, n in prepared["splits"].items())
        rows.append([one["name"], one["from"], "yes" if one["in_grid"] else "", sizes, one["card"]])
    table(["data set", "from", "in grid", "prepared", "card"], rows)


@click.command(short_help="List the files of a folder outside the project, for DVC.")
@click.argument("name")
@on_project
def index(project: Project, name: str) -> None:
    """Write data/raw/NAME/files.txt: path, size and SHA-256 of every file below the card's `root`.

    DVC runs this by itself where `init` wrote a dvc.yaml next to the card, and so sees changes outside the repository.
    """
    from mmbench.data.files import file_list as listing
    from mmbench.data.prepare import dataset as prepare
    from mmbench.data.table.manifest import root_of

    raw = prepare.read(name, project.root / RAW)
    with spinner("reading files"):
        count = listing.write(root_of(raw.card, raw.folder).folder, raw.folder / listing.FILE)
    click.echo(f"{raw.folder / listing.FILE}: {count:,} files")


for command in (init, check, fetch, list_data, index):
    data.add_command(command)
