"""`mmbench data init`: a first card for a folder of files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmbench import atomic
from mmbench.cli.output import heading, spinner
from mmbench.cli.project import Project, on_project
from mmbench.cli.watching import watch
from mmbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmbench.data.draft.draft import Draft
    from mmbench.data.draft.folder_files import Role


def _choose_name(folder: Path, name: str | None) -> str:
    chosen = name or re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.resolve().name).strip("._-")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", chosen):
        raise UserError(
            f"{chosen!r} is not a valid name for a data set; give one with --name, of letters, digits, _, - and ."
        )
    return chosen


def _locate(folder: Path, raw: Path) -> tuple[str, str] | None:
    """The data set's name, and the folder relative to the card, of a folder in data/raw."""
    resolved, home = folder.resolve(), raw.resolve()
    if not resolved.is_relative_to(home) or resolved == home:
        return None
    name, *below = resolved.relative_to(home).parts
    return name, "/".join(below) or "."


@click.command(short_help="Draft a card for a folder of your own files.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--name", help="Name of the data set; default: the folder's name.")
@click.option("--force", is_flag=True, help="Replace a card that is there already.")
@click.option("--update", is_flag=True, help="Keep the card, and add rows for new files to the manifest it drafted.")
@click.option("--folders", help="What the levels of sub-folders are, from the outermost that differs: class/modality.")
@on_project
def init(project: Project, folder: Path, name: str | None, force: bool, update: bool, folders: str | None) -> None:
    """Look at the files in FOLDER and draft data/raw/NAME/dataset.yaml, and a manifest where FOLDER has none.

    FOLDER may be anywhere; nothing is copied. A sample is a row of a table (.csv, .parquet, .jsonl, .json; of several,
    where they belong together), or the files with one name (7.png, 7.wav, 7.txt); sub-folders are classes. Where they
    are something else, --folders says so: split, class, modality, group or - (nothing) for each level, such as
    modality/class for left/cat/7.png, right/cat/7.png.
    """
    from mmbench.data.draft import folder_roles
    from mmbench.data.draft.draft import draft
    from mmbench.data.table.card import FILE

    raw = project.root / "data" / "raw"
    inside = _locate(folder, raw)
    if inside is not None and name is not None and name != inside[0]:
        raise UserError(f"{folder} is in data/raw/{inside[0]} already; leave out --name, or move it")
    name, root = inside or (_choose_name(folder, name), folder.resolve().as_posix())
    card = raw / name / FILE
    manifest = raw / name / "manifest.csv"
    roles = None if folders is None else folder_roles.parse(folders)
    if update:
        _update(card, folder, manifest, name, roles)
        return
    if card.exists() and not force:
        raise UserError(f"{card} exists; --force replaces it, --update only adds rows for new files to its manifest")
    with spinner("looking at the files"):
        # In the card's own folder lies the manifest that was drafted before; a folder is read anew without it.
        old = manifest.name if roles is not None and root == "." and card.exists() else ""
        drafted = draft(folder, root=root, without=old, folders=roles)
    if drafted.manifest is not None and manifest.exists() and not force:
        raise UserError(f"{manifest} exists; --force replaces it")
    written = [card]
    if drafted.manifest is not None:
        # Before the card, which then never names a table that is not there.
        _put(manifest, drafted.manifest)
        written.append(manifest)
    _put(card, drafted.card)
    written += watch(name, card.parent, folder, again=True)
    _report(drafted, written, name, project)


def _put(file: Path, text: str) -> None:
    """Whole or not at all: what people wrote in it stays where this is stopped, or finds no room."""
    try:
        atomic.write(file.resolve(), text)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}; it is as it was") from None


def _update(card: Path, folder: Path, manifest: Path, name: str, roles: Sequence[Role] | None) -> None:
    """Add rows for files that are in none."""
    from mmbench.data.draft.draft import draft
    from mmbench.data.draft.update import agreement, update
    from mmbench.data.files.source import Root
    from mmbench.data.table.card import load_card

    if load_card(card.parent).manifest == manifest.name and not manifest.exists():
        raise UserError(f"{manifest} is missing; --force drafts it and the card again")
    if load_card(card.parent).manifest != manifest.name:
        raise UserError(f"{card} names another table than the manifest.csv that `init` drafts; add rows to that table")
    with spinner("looking at the files"):
        drafted = draft(folder, root=folder.as_posix(), without=manifest.name, folders=roles)
        old = manifest.read_bytes()
        if drafted.manifest is not None and roles is None and drafted.others:
            # It may have been drafted with --folders: that reading is taken which says the same of the old rows.
            ways = [draft(folder, root="", without=manifest.name, folders=other) for other in drafted.others]
            drafted = max([drafted, *ways], key=lambda d: agreement(old, d.manifest or ""))
    if drafted.manifest is None:
        raise UserError(f"{folder} has its own table; add rows to it, and name it as `manifest` in {card}")
    exists = Root(folder).exists
    done = update(old, drafted.manifest, exists, joined=drafted.joined, key=drafted.key, several=drafted.several)
    _put(manifest, done.text)
    click.echo(f"{manifest}: {done.added:,} rows added, {done.completed:,} completed; {card} stays as it is")
    if done.gone:
        click.echo(f"note: {done.gone:,} rows name files that are not there; `mmbench data check {name}` tells which")
    for note in done.notes():
        click.echo(f"note: {note}")
    for line in drafted.unused:
        click.echo(f"not used: {line}")
    watch(name, card.parent, folder, again=True)
    click.echo(f"next: mmbench data check {name}")


def _report(drafted: Draft, written: list[Path], name: str, project: Project) -> None:
    click.echo(f"{drafted.samples:,} samples; wrote {', '.join(map(str, written))}")
    heading("What was found")
    for line in drafted.guesses:
        click.echo(f"  {line}")
    if drafted.unsure:
        heading("Look at this in the card")
        for line in drafted.unsure:
            click.echo(f"  {line}")
    if drafted.unused:
        heading("Not used")
        for left in drafted.unused:
            click.echo(f"  {left}")
    heading("Next")
    click.echo(f"  edit {written[0]}")
    click.echo(f"  mmbench data check {name}")
    click.echo(f"  put it into the grid, in params.yaml:  {project.with_dataset(name)}")
    click.echo("  dvc repro")
