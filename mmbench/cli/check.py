"""`mmbench data check`: everything that is wrong with a data set, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Project, as_json_option, on_project
from mmbench.cli.watching import watch

if TYPE_CHECKING:
    from mmbench.data.inspect.check import Checked
    from mmbench.schema.dataset import DataSpec

CLASSES = 30
"""Shown on a terminal; the page shows more, --json all."""


class Report(Protocol):
    def __call__(self, what: str, done: int, of: int) -> None: ...


@contextmanager
def _progress() -> Iterator[Report]:
    """A bar for every modality while a person waits at a terminal; nothing elsewhere."""
    import sys

    if not sys.stderr.isatty():
        yield lambda what, done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=of)
            progress.update(tasks[what], completed=done)

        yield report


def _number(value: float) -> str:
    from mmbench.data.inspect.page import number

    return number(value)


def _show_target(found: dict[str, Any], splits: list[str]) -> None:
    heading(f"Target: {found['kind']}, main metric {found['metric']}")
    if "numbers" in found:
        columns = ("least", "median", "mean", "most")
        table(["number", *columns], [[n, *(_number(v[c]) for c in columns)] for n, v in found["numbers"].items()])
        return
    classes = list(found["classes"].items())
    table(["class", "samples", *splits], [[n, c["all"], *(c[s] for s in splits)] for n, c in classes[:CLASSES]])
    if len(classes) > CLASSES:
        click.echo(f"and {len(classes) - CLASSES} more")


def show(found: dict[str, Any]) -> None:
    """The data card on the terminal."""
    splits = list(found["splits"])
    sizes = ", ".join(f"{n:,} {split}" for split, n in found["splits"].items())
    click.echo(f"{found['name']}: {found['samples']:,} samples" + (f": {sizes}" if sizes else ""))
    if found["groups"]:
        g = found["groups"]
        click.echo(f"{g['count']:,} groups of {g['smallest']:,} to {g['largest']:,} samples")
    if found["target"]:
        _show_target(found["target"], splits)
    if found["modalities"]:
        heading("Modalities")
        rows: list[list[str | int]] = []
        for name, m in found["modalities"].items():
            lengths = ", ".join(
                f"{_number(v['least'])}-{_number(v['median'])}-{_number(v['most'])} {what}"
                for what, v in m["measures"].items()
            )
            counts = ["–" if m[c] is None else m[c] for c in ("unreadable", "repeated")]
            rows.append([name, m["kind"], m["present"], m["missing"]["all"], *counts, lengths])
        header = ["modality", "kind", "present", "missing", "unreadable", "repeated", "least-median-most"]
        table(header, rows)
        for name, m in found["modalities"].items():
            if m["note"]:
                click.echo(f"{name}: {m['note']}")


def _show_generated(name: str, spec: DataSpec | None, json_: bool) -> None:
    """A data set that mmbench makes has no raw data to check."""
    if json_:
        as_json({"name": name, "ok": True, "generated": True, "spec": spec and spec.model_dump(mode="json")})
        return
    click.echo(f"{name}: the card is valid; mmbench generates this data set")
    if spec is None:
        click.echo(f"not prepared yet: `dvc repro prepare@{name}`")
        return
    click.echo(spec.description)
    table(["split", "samples"], [[split, n] for split, n in spec.splits.items()])
    table(
        ["modality", "stem", "shape"], [[n, m.kind, " x ".join(map(str, m.shape))] for n, m in spec.modalities.items()]
    )
    click.echo(f"{spec.task.kind}: {', '.join(spec.task.targets)}; hash {spec.hash[:12]}")


@click.command(short_help="Find everything that is wrong with a data set, and show what it holds.")
@click.argument("name")
@click.option("--page/--no-page", default=True, help="Write reports/data/NAME.html, with examples as pictures.")
@click.option("--signal/--no-signal", default=True, help="Try cheap models, to see whether there is anything to fuse.")
@on_project
@as_json_option
def check(project: Project, name: str, page: bool, signal: bool, json_: bool) -> int:
    """Read the card, the table and every file of a data set, make its splits and look for leaks.

    All problems are listed, with file and row; of many that are alike, the first, with the rows of others. Then the
    exit code is 1. Where files are outside the card's folder, a dvc.yaml next to the card lets DVC watch them.
    """
    from mmbench.data.prepare import dataset

    raw = dataset.read(name, project.root / "data" / "raw")
    from mmbench.data.synthetic.generator import Generator

    if isinstance(raw.made, Generator):
        _show_generated(name, dataset.prepared(project.root / "data" / "prepared" / name), json_)
        return 0
    from mmbench.data.files.problems import by_kind
    from mmbench.data.inspect import check as checking
    from mmbench.data.inspect.summary import summary
    from mmbench.data.split.learnability import FEW_SAMPLES
    from mmbench.data.table.manifest import root_of

    with _progress() as report:
        checked = checking.check(raw, report)
        if signal:
            checked = _with_signal(project, checked, report)
        found = summary(checked)
        file = project.root / "reports" / "data" / f"{name}.html"
        if page and len(checked.survey.places):
            _write(file, checked, found)
            found["page"] = str(file)
    written = watch(name, raw.folder, root_of(raw.card, raw.folder).folder)
    if json_:
        as_json(found)
        return 0 if found["ok"] else 1
    show(found)
    click.echo()
    if "page" in found:
        click.echo(f"with pictures: {file}")
    if written:
        click.echo(f"wrote {', '.join(map(str, written))}: DVC sees when files outside change")
    for note in checked.notes:
        if note.startswith(FEW_SAMPLES):
            click.secho(f"warning: {note.removeprefix(FEW_SAMPLES)}", fg="yellow")
        else:
            click.echo(f"note: {note}")
    for left in checked.unused:
        click.echo(f"not used: {left}")
    told = by_kind(checked.problems)
    for line, _ in told:
        click.echo(f"error: {line}", err=True)
    if checked.problems:
        count = len(checked.problems)
        how = f"correct {'it' if count == 1 else 'them'}, and check again"
        how += "" if len(told) == count else " (--json lists each)"
        click.echo(f"{count:,} problem{'s' if count > 1 else ''}; {how}", err=True)
        return 1
    few = any(note.startswith(FEW_SAMPLES) for note in checked.notes)
    click.echo("no errors" + (", but too few test samples to decide anything" if few else ""))
    if name not in project.grid():
        click.echo(f"put it into the grid, in params.yaml:  {project.with_dataset(name)}")
    click.echo("then: dvc repro")
    return 0


def _with_signal(project: Project, checked: Checked, report: Report) -> Checked:
    """With a note on whether there is anything to fuse, as far as cheap models can tell."""
    from dataclasses import replace

    from mmbench.errors import UserError

    table, split = checked.table, checked.split
    if checked.problems or table is None or split is None or len(table.modalities) < 2:
        return checked
    if encoded := [name for name, column in table.modalities.items() if "encoder" in column.options]:
        said = f"not tried, since {', '.join(encoded)} would have to go through an encoder"
    else:
        from mmbench.training.joint_signal import joint_signal

        report("what there is to fuse", 0, 1)
        try:
            said = joint_signal(table, split, rope=project.margin()).words
        except UserError as error:
            said = f"not tried; among the samples that were drawn for it: {error}"
        report("what there is to fuse", 1, 1)
    return replace(checked, notes=[*checked.notes, f"anything to fuse? {said}"])


def _write(file: Path, checked: Checked, found: dict[str, Any]) -> None:
    from mmbench.data.inspect.page import render

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(checked, found), encoding="utf-8")
