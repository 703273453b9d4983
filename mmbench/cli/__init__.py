"""The command line. Each command is a thin layer over one call of the package; what is heavy is imported inside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from mmbench.cli.champion import champion
from mmbench.cli.commands import Commands
from mmbench.cli.compare import compare
from mmbench.cli.cost_curves import cost_curves
from mmbench.cli.data import data
from mmbench.cli.explain import explain
from mmbench.cli.forget import forget
from mmbench.cli.go import go
from mmbench.cli.listing import list_variants
from mmbench.cli.new import new
from mmbench.cli.plan import plan
from mmbench.cli.predict import predict
from mmbench.cli.report import report
from mmbench.cli.run import run
from mmbench.cli.status import status
from mmbench.cli.track import track
from mmbench.cli.ui import ui
from mmbench.cli.verdict import verdict
from mmbench.errors import UserError

INTERRUPTED = 130


CHAPTERS = {
    "Start": (new, list_variants, data),
    "Run": (plan, go, run, status, forget, cost_curves),
    "Read the results": (report, verdict, compare, ui, track),
    "Use the best models": (champion, predict, explain),
}
"""Headings of `mmbench --help`."""


@click.group(
    cls=Commands,
    chapters=CHAPTERS,
    renamed={"profile": "cost-curves"},
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="mmbench", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Compare every combination of attention, fusion and architecture on multimodal data.

    `dvc repro` prepares the data, trains what is pending and writes the report. The commands below do everything else.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _report_error(message: str) -> None:
    """An indented line belongs to the one above it: it says why, or what to do."""
    for line in message.splitlines():
        print(line if line.startswith("  ") else f"error: {line}", file=sys.stderr)


def main(args: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 1 for a problem that a person can put right, 2 for a wrong call."""
    try:
        return cli(args, prog_name="mmbench", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        # A group without a command: its message is the help.
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        _report_error(error.format_message())
        if error.ctx is not None:
            print(f"help: {error.ctx.command_path} --help", file=sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        _report_error(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except UserError as error:
        _report_error(str(error))
        return 1
    except OSError as error:
        _report_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
