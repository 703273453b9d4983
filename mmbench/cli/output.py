"""How commands show things: tables with colour on a terminal, plain aligned text when piped, JSON when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

Row = Sequence[str | int]


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _plain(header: Row, rows: Sequence[Row]) -> None:
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    number = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(header))]
    for line in lines:
        cells = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(line, widths, number, strict=True)]
        click.echo("  ".join(cells).rstrip())


def table(header: Row, rows: Sequence[Row]) -> None:
    """Show rows under a header; whole numbers are aligned to the right."""
    if not sys.stdout.isatty():
        _plain(header, rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(header):
        right = bool(rows) and all(isinstance(row[i], int) for row in rows)
        drawn.add_column(str(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(str(cell)) for cell in row))
    Console().print(drawn)


def spinner(message: str) -> AbstractContextManager[Any]:
    """A spinner next to a message while a person waits at a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(message)
