"""Options that most commands share: the project's folder and its settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mmbench.project.project import Loaded as Loaded
from mmbench.project.project import Looked as Looked
from mmbench.project.project import Project as Project
from mmbench.project.project import load as load
from mmbench.project.project import load_specs as load_specs
from mmbench.project.project import look as look


def on_project(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --root and --params, and the Project that they name as first argument."""

    def with_project(*, root: Path, params_file: Path | None, **options: Any) -> Any:
        return function(Project(root=root, params_file=params_file or root / "params.yaml"), **options)

    with_project.__name__, with_project.__doc__ = function.__name__, function.__doc__
    with_project.__dict__.update(function.__dict__)
    folder = click.Path(path_type=Path, file_okay=False, exists=True)
    decorated = click.option("--root", type=folder, default=Path(), help="Folder of the project; default: this one.")
    settings = click.option(
        "--params", "params_file", type=click.Path(path_type=Path), help="Settings file; default: ROOT/params.yaml."
    )
    return decorated(settings(with_project))


as_json_option = click.option("--json", "json_", is_flag=True, help="Print JSON.")
