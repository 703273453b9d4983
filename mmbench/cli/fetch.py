"""`mmbench data fetch`: get a public data set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmbench.cli.project import Project, on_project
from mmbench.cli.watching import watch
from mmbench.errors import UserError
from mmbench.registry import Variant, check_options, get

if TYPE_CHECKING:
    from rich.progress import TaskID

    from mmbench.data.public.fetch import Watch
    from mmbench.data.public.loader import Loader


@contextmanager
def _watching() -> Iterator[Watch]:
    """A progress bar a file on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def watch(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield watch


def _write_card(folder: Path, name: str, description: str, into: Path) -> None:
    """The card, unless the data set has one."""
    import yaml

    from mmbench.data.table.card import FILE

    card = folder / FILE
    if card.exists():
        click.echo(f"{card} is there and stays as it is")
        return
    content: dict[str, str] = {"dataset": name}
    if into.resolve() != folder.resolve():
        content["root"] = str(into.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    fields = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    card.write_text(f"# {description}\n{fields}", encoding="utf-8")
    click.echo(f"{card} written; name {name} in params.yaml: grid.datasets to use it")


def _samples(loader: Loader, into: Path) -> str:
    """`2,199 samples (1,284 train, ...)`. Raises UserError where the files cannot be read."""
    from collections import Counter

    from mmbench.data.files.source import Root

    table = loader.table(Root(into))
    counts = Counter(table.split or ())
    parts = ", ".join(f"{n:,} {split}" for split, n in counts.items() if split)
    return f"{len(table):,} samples" + (f" ({parts})" if parts else "")


def _loader(info: Variant, folder: Path) -> Loader:
    """With the options that the card in the folder gives, where there is one."""
    from mmbench.data.table.card import FILE, load_card

    where = str(folder / FILE)
    if not (folder / FILE).exists():
        # Where an option must be given, the message says which, and where.
        return info.cls(**check_options(info, {}, where=where))
    choice = load_card(folder).dataset
    if choice is None or choice.name != info.name:
        raise UserError(f"{where} is the card of something else; rename that folder, and fetch again")
    return info.cls(**check_options(info, choice.options, where=where))


@click.command(short_help="Download a public data set, or say how to get it.")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="For the files; default: data/raw/NAME.")
@on_project
@click.pass_context
def fetch(ctx: click.Context, project: Project, name: str, into: Path | None) -> None:
    """Get the files of the public data set NAME (`mmbench list dataset`), check them and write its card.

    Files that are there already are used: --into may name a copy that you have; an interrupted download is resumed.
    Where the files are not open to all, this says what to download and where to put it; run it again afterwards,
    and it checks them.
    """
    from mmbench.data.public import fetch as fetching
    from mmbench.data.public.loader import Loader
    from mmbench.data.table.card import load_card
    from mmbench.data.table.manifest import root_of

    info = get("dataset", name, where="`mmbench data fetch`")
    folder = project.root / "data" / "raw" / name
    if not issubclass(info.cls, Loader):
        click.echo(f"{name} is made by mmbench itself: there is nothing to fetch")
        _write_card(folder, name, info.summary, folder)
        return
    loader = _loader(info, folder)
    into, origin = into or folder, loader.origin
    if origin.warning:
        click.secho(f"note: {origin.warning}", fg="yellow", err=True)
    click.echo(f"licence: {origin.licence}")
    click.echo(f"please cite: {origin.citation}")
    with _watching() as progress:
        done = fetching.fetch(origin, into, progress)
    for line in [*done, *fetching.check(origin, into)]:
        click.echo(line)
    try:
        samples = _samples(loader, into)
    except UserError as error:
        if not origin.by_hand:
            raise
        click.echo(f"\n{origin.by_hand}\n\nThe folder: {into.resolve()}\nThen run this command again.")
        for line in str(error).splitlines():
            click.echo(f"not ready: {line}", err=True)
        ctx.exit(1)
    click.echo(f"{samples} can be read")
    _write_card(folder, name, loader.description, into)
    if written := watch(name, folder, root_of(load_card(folder), folder).folder):
        click.echo(f"wrote {', '.join(map(str, written))}: DVC sees when files outside change")
