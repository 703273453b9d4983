"""`mmbench report`: rebuild the report from the ledger, also while a sweep runs."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from mmbench.cli.project import Project, on_project
from mmbench.registry import UserError


@click.command(short_help="Rebuild the report from the ledger.")
@on_project
def report(project: Project) -> int:
    """Rebuild reports/ from what the ledger holds now; trials that have not run yet are shown as pending.

    It runs the pipeline's own stage, so the files are those that `dvc repro` would write.
    """
    if not (project.root / "pipeline" / "report.py").exists():
        raise UserError(
            f"{project.root.resolve()} has no pipeline/report.py; run this in the project's folder, or give --root"
        )
    if project.params_file != project.root / "params.yaml":
        raise UserError("the report is made with ROOT/params.yaml, as the pipeline does; leave out --params")
    path = os.pathsep.join(filter(None, [str(project.root.resolve()), os.environ.get("PYTHONPATH")]))
    stage = [sys.executable, "-m", "pipeline.report"]
    return subprocess.run(stage, cwd=project.root, env=os.environ | {"PYTHONPATH": path}, check=False).returncode
