from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mmbench.cli.project import Loaded
from mmbench.schema.params import Tracking
from mmbench.tracking import Counts, open_store, sync
from mmbench.tracking.store import Store
from tests.support import small_project

numbers = count()


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A project and an experiment of its own in the project's real MLflow database."""

    root: Path
    loaded: Loaded
    settings: Tracking = field(default_factory=lambda: Tracking(enabled=True, experiment=f"test {next(numbers)}"))

    def sync(self, **changes: Any) -> Counts:
        what = {"plan": self.loaded.plan, "results": self.loaded.results, "specs": self.loaded.specs} | changes
        return sync(self.settings, root=self.root, **what)

    def store(self) -> Store:
        return open_store(self.settings, self.root)

    def runs(self, where: str = "tags.trial_id LIKE '%'") -> list[Any]:
        store = self.store()
        return list(store.client.search_runs([store.experiment_id], filter_string=where))


@pytest.fixture(scope="session")
def _project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Loaded]:
    root = small_project.make(tmp_path_factory.mktemp("tracked"))
    return root, small_project.finish(root)


@pytest.fixture
def tracked(_project: tuple[Path, Loaded], monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracked]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield Tracked(root=_project[0], loaded=_project[1])
