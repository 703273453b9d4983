"""Groups of commands, and what became of old names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from mmbench.errors import suggest


class Commands(click.Group):
    """Commands in the order in which they are used, with a hint for a misspelt one and for one that was renamed.

    chapters: headings of `--help`, each with its commands; none: one list.
    """

    def __init__(
        self,
        *args: Any,
        renamed: dict[str, str] | None = None,
        chapters: Mapping[str, Sequence[click.Command]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.renamed, self.chapters = renamed or {}, chapters or {}
        for command in (command for commands in self.chapters.values() for command in commands):
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.chapters:
            super().format_commands(ctx, formatter)
            return
        widest = max(map(len, self.commands))
        for title, commands in self.chapters.items():
            # Padded, so that the columns of all chapters are in line.
            rows = [(f"{command.name:<{widest}}", command.get_short_help_str(limit=80)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name in self.renamed:
            raise click.UsageError(f"`{ctx.command_path} {name}` is now `{ctx.command_path} {self.renamed[name]}`", ctx)
        if name and not name.startswith("-") and name not in self.commands:
            raise click.UsageError(f"unknown command {name!r}{suggest(name, self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def renamed_option(old: str, new: str) -> Callable[[Any], Any]:
    """An option that is no more: whoever gives it learns the new name."""

    def refuse(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(f"{old} is now {new}: {ctx.command_path} {new} {value}", ctx)

    return click.option(old, hidden=True, expose_value=False, callback=refuse)
