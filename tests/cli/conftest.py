from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmbench.cli.project import Loaded
from tests.support import small_project


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project.make(tmp_path_factory.mktemp("project"))


@pytest.fixture
def root(_made: Path, tmp_path: Path) -> Path:
    """A project's folder, with its data prepared and nothing run."""
    return Path(shutil.copytree(_made, tmp_path / "project"))


@pytest.fixture
def ended(root: Path) -> Loaded:
    """The same project with trials done, failed, out of time and pending."""
    return small_project.finish(root)
