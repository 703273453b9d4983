"""Groups of commands."""

from __future__ import annotations

import click

from mmbench.errors import suggest


class Commands(click.Group):
    """Commands in the order in which they are used, with a hint for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(f"unknown command {args[0]!r}{suggest(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)
