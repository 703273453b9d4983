"""`mmbench compare`: what changed between two sets of results, and whether it is more than noise."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmbench.cli.output import as_json, heading, table
from mmbench.cli.project import Project, as_json_option, on_project
from mmbench.errors import UserError

if TYPE_CHECKING:
    from mmbench.report.compare import Change, Comparison
    from mmbench.report.trials.sources import Part

RESULTS = "reports/results.parquet"
CONFIDENCE, ROPE = 0.95, 0.01
"""Outside a project, where no params.yaml says otherwise."""

MOST = 40
_VERDICTS = {"better": "better", "worse": "worse", "equal": "equal within the margin", "open": "open"}


def _revision(project: Project, name: str) -> Part:
    """The results.parquet of a revision of the project, from DVC's cache or remote."""
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    from mmbench.report.trials.sources import parquet_part

    try:
        content = dvc.api.read(RESULTS, repo=str(project.root.resolve()), rev=name, mode="rb")
    except (DvcException, SCMError, OSError) as error:
        raise UserError(_why_not(project, name, error)) from None
    return parquet_part(io.BytesIO(content), f"{RESULTS} at {name}")


def _why_not(project: Project, name: str, error: Exception) -> str:
    """Why there is nothing to read: what is wrong, why, and what helps, each on a line of its own."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import FileMissingError, PathMissingError
    from dvc.scm import RevError

    # DVC raises the same error where the revision has no such file and where its cache lacks the file.
    absent = isinstance(error, FileMissingError | PathMissingError)
    if absent and DVCFileSystem(str(project.root.resolve()), rev=name).exists(RESULTS):
        what, why = f"the results of {name} are not on this machine", f"DVC's cache here does not hold that {RESULTS}"
        ways = {
            "dvc pull": "fetches what your DVC remote has",
            f"git checkout {name} && dvc repro": "computes it again; finished trials are not trained again",
        }
    elif absent:
        what, why = f"git revision {name} has no results", f"no dvc.lock that is committed there lists {RESULTS}"
        ways = {
            'git add dvc.lock && git commit -m "Results"': "after `dvc repro`; later runs then compare with this one",
            "mmbench compare COPY.parquet .": f"compares with a copy of {RESULTS} that you kept",
        }
    else:
        known = isinstance(error, RevError)
        what = f"there are no results at {name}"
        why = "no file, folder or git revision has this name" if known else _first_line(error)
        ways = {
            "git log --oneline": "shows the revisions of this project",
            "mmbench compare OLD NEW": "each is a git revision, a ledger, a project's folder or a results.parquet",
        }
    width = max(map(len, ways))
    return "\n".join([what, f"  why: {why}", *(f"  try: {way:<{width}}  {what_for}" for way, what_for in ways.items())])


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _read(project: Project, name: str) -> Part:
    from mmbench.report.trials.sources import read

    path = Path(name)
    return read(path, name) if path.exists() else _revision(project, name)


def _row(change: Change, found: Comparison) -> list[str]:
    scale, d = found.scales[change.dataset], change.difference
    from mmbench.report.values.words import change as written
    from mmbench.report.values.words import interval

    assert d is not None
    return [
        change.dataset,
        change.method,
        interval(change.old, scale),
        interval(change.new, scale),
        written(d, scale),
        str(d.n),
        "–" if d.p_holm is None else f"{d.p_holm:.2g}",
        _VERDICTS[d.verdict],
    ]


def _show(found: Comparison) -> None:
    click.echo(f"OLD  {found.old}")
    click.echo(f"NEW  {found.new}")
    click.echo()
    click.secho(f"{found.finding}.", bold=True)
    for note in found.notes:
        click.echo(f"note: {note}")
    changed = sorted((c for c in found.changes if c.kind == "changed"), key=lambda c: not c.real)
    if changed:
        heading("Changed (NEW − OLD, + is better; paired by seed, Holm within a data set)")
        header = ["data set", "method", "old", "new", "difference", "seeds", "p (Holm)", "verdict"]
        table(header, [_row(c, found) for c in changed[:MOST]])
        if len(changed) > MOST:
            click.echo(f"... and {len(changed) - MOST} more; --json has all")
        if any(c.difference is not None and c.difference.n < 2 and c.role != "baseline" for c in changed):
            click.echo("One shared seed gives no interval, so such a change cannot be distinguished from noise.")
    if found.turns:
        heading("Trials that failed only before or only after")
        table(["trial", "old", "new", "message"], [[t.name, t.old, t.new, t.message] for t in found.turns[:MOST]])
    for title, cells in (("New", found.added), ("Missing in NEW", found.gone)):
        if cells:
            heading(title)
            table(["data set", "method"], [list(cell) for cell in cells[:MOST]])
            if len(cells) > MOST:
                click.echo(f"... and {len(cells) - MOST} more; --json has all")
    heading("Where the numbers come from")
    if found.facts:
        table(["", "old", "new"], [[f.what, f.old, f.new] for f in found.facts])
    else:
        click.echo("The same settings, source, data, versions and hardware on both sides.")


@click.command(short_help="What changed between two sets of results.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@on_project
@as_json_option
def compare(project: Project, old: str, new: str, json_: bool) -> None:
    """Show which methods changed from OLD to NEW, by how much, and whether that is more than noise. Also show which are
    new or missing, and what differs in code, data, settings, versions and hardware.

    OLD and NEW are ledgers, folders of projects, results.parquet files or git revisions (of which DVC has the
    results). The exit code is 0 whatever changed; 1 means that one of them could not be read.
    """
    from mmbench.report.compare import compare as compared

    confidence, rope = CONFIDENCE, ROPE
    if project.params_file.exists() or project.params_file != project.root / "params.yaml":
        settings = project.params().report
        confidence, rope = settings.confidence, settings.rope
    sides = [_read(project, name) for name in (old, new)]
    for side in sides:
        if side.broken:
            first, why = next(iter(side.broken.items()))
            more = f", and {len(side.broken) - 1} more" if len(side.broken) > 1 else ""
            click.echo(f"warning: {first} is not a result ({why}){more}; it is left out", err=True)
    found = compared(*sides, confidence=confidence, rope=rope)
    if json_:
        as_json(found.as_json())
    else:
        _show(found)
