"""`mmbench go`: everything, from the data to the best models."""

from __future__ import annotations

import subprocess
import sys

import click

from mmbench.cli.champion import register_best
from mmbench.cli.project import Project, on_project
from mmbench.errors import UserError
from mmbench.project.folders import SETTINGS


@click.command(short_help="Everything: `dvc repro`, then `mmbench champion`.")
@on_project
def go(project: Project) -> int:
    """Prepare the data, train what is pending, write the report and register the best models: `dvc repro`, then
    `mmbench champion`. What is done already is not done again.

    Where DVC ends with another exit code than 0, nothing is registered, and the code is its.
    """
    if not (project.root / "dvc.yaml").is_file():
        raise UserError(f"{project.root.resolve()} is no project: it has no dvc.yaml; `mmbench new FOLDER` makes one")
    if project.params_file != project.root / SETTINGS:
        raise UserError(f"DVC reads {project.root / SETTINGS}; put the settings there")
    # DVC would say no more than that a file is missing.
    from mmbench.sweep.planning.plan import check_names, known_datasets

    check_names(project.params(), known_datasets(project.root))
    return _repro(project) or register_best(project, ())


def _repro(project: Project) -> int:
    """The exit code. Ctrl-C reaches DVC too, and what it runs: they end by themselves, with nothing lost."""
    process = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=project.root)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
