"""`mmbench report`: rebuild the report from the ledger, also while a sweep runs, or from several ledgers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from mmbench.cli.project import Project, on_project
from mmbench.errors import UserError


@click.command(short_help="Rebuild the report from the ledger, or merge several.")
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--figures",
    type=click.Choice(["all", "paper"]),
    default="all",
    show_default=True,
    help="paper: only reports/paper, with figures one and two columns wide, tables, numbers, methods and references.",
)
@on_project
def report(project: Project, sources: tuple[Path, ...], figures: str) -> int:
    """Rebuild reports/ from what the ledger holds now; trials that have not run yet are shown as pending.

    SOURCES, if any, are ledgers, folders of projects or results.parquet files, of several machines or dates: they are
    merged into reports-merged/ in place of the project's own ledger (name data/ledger to have it in). A trial with
    different results in two of them is an error. params.yaml of this project says which trials belong.

    It runs the project's own stage, so the files are those that `dvc repro` would write.
    """
    if not (project.root / "params.yaml").exists():
        raise UserError(
            f"{project.root.resolve()} has no params.yaml; run this in the project's folder, or give --root"
        )
    if project.params_file != project.root / "params.yaml":
        raise UserError("the report uses ROOT/params.yaml, as the pipeline does; leave out --params")
    path = os.pathsep.join(filter(None, [str(project.root.resolve()), os.environ.get("PYTHONPATH")]))
    # The stage runs in the project's folder; names stay as they were written where that is this one.
    here = project.root.resolve() == Path.cwd()
    module = "pipeline.report" if (project.root / "pipeline" / "report.py").exists() else "mmbench.stages.report"
    wanted = ["--figures=paper"] if figures == "paper" else []
    stage = [sys.executable, "-m", module, *wanted, *(str(s if here else s.resolve()) for s in sources)]
    return subprocess.run(stage, cwd=project.root, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
