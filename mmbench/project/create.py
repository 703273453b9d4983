"""A new project: settings, stages, cards of the data sets that are generated. An installed package is enough."""

from __future__ import annotations

import logging
import subprocess
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mmbench.errors import UserError

TEMPLATE = files("mmbench.project") / "template"
SETTINGS = TEMPLATE / "params.yaml"
"""The default settings, of new projects and of `mmbench.run`; the repository's own params.yaml is equal."""

_PLACES = {
    "params.yaml": "params.yaml",
    "stages.yaml": "dvc.yaml",  # under its own name DVC would take it for a stage file of the clone
    "gitignore": ".gitignore",
    "README.md": "README.md",
    "profile.md": "data/profile/README.md",
}


def contents() -> dict[str, Traversable]:
    """Path in a project -> the template of that file."""
    cards = {f"data/raw/{card.name.removesuffix('.yaml')}/dataset.yaml": card for card in _cards()}
    return {place: TEMPLATE / name for name, place in _PLACES.items()} | cards


def _cards() -> list[Traversable]:
    return sorted((TEMPLATE / "cards").iterdir(), key=lambda card: card.name)


def generated() -> frozenset[str]:
    """The data sets that a new project has cards of: they are made, not somebody's own."""
    return frozenset(card.name.removesuffix(".yaml") for card in _cards())


def create(folder: Path) -> list[str]:
    """Make a project in `folder`, which is absent or empty. Returns the files written, relative to it.

    DVC uses the git repository that the folder is in; where there is none, it goes without. Raises UserError where
    something is in the folder or it cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is not empty" if folder.is_dir() else "is a file"
            raise UserError(f"{folder} {what}; name a new folder, such as {folder.with_name(folder.name + '-2')}")
        folder.mkdir(parents=True, exist_ok=True)
        for place, template in contents().items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(template.read_bytes())
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None
    _start_dvc(folder)
    return list(contents())


def _start_dvc(folder: Path) -> None:
    # Late: DVC takes a second to import.
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # DVC would announce itself in many lines.
    logging.getLogger("dvc").setLevel(logging.ERROR)
    inside = _is_in_git(folder)
    try:
        with Repo.init(str(folder), no_scm=not inside, subdir=inside) as repo, repo.config.edit() as settings:
            settings["core"] |= {"analytics": False, "check_update": False}
    except DvcException as error:
        raise UserError(f"DVC cannot be set up in {folder}: {error}") from None


def _is_in_git(folder: Path) -> bool:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--is-inside-work-tree"], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return done.stdout.strip() == "true"
