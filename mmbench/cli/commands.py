"""Groups of commands, and what became of old names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from mmbench.errors import suggest


class Commands(click.Group):
    """Commands in the order in which they are used, with a hint for a misspelt one and for one that was renamed."""

    def __init__(self, *args: Any, renamed: dict[str, str] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.renamed = renamed or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

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
