"""MLflow as teams run it: behind its own server, on PostgreSQL, with artifacts that the server keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mmbench.ledger.store import Ledger
from tests.support import driver, postgres, small_project
from tests.tracking.conftest import Tracked

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.timeout(900),
    pytest.mark.skipif(postgres.missing() is not None, reason=postgres.missing() or ""),
]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.database() as address:
        yield address


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    found = postgres.free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{postgres.LOOPBACK}:{found}")
    return found


def runs_of(tracked: Tracked) -> Counter[str]:
    """How many runs each trial has."""
    return Counter(run.data.tags["trial_id"] for run in tracked.runs())


@pytest.fixture
def large(tmp_path: Path, port: int) -> Tracked:
    """A project with a few hundred finished trials; its runs go to that server."""
    root = small_project.make(tmp_path / "project")
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"]["seeds"] = 12
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    for job in small_project.read(root).plan.jobs:
        Ledger(root / "data" / "ledger").write(small_project.result(job))
    return Tracked(root=root, loaded=small_project.read(root))


def test_a_ledger_is_imported_once(database: str, port: int, large: Tracked, tmp_path: Path) -> None:
    wanted = Counter(large.loaded.results.keys())
    assert len(wanted) > 200
    with postgres.mlflow_server(database, tmp_path / "artifacts", port):
        first, second = large.sync(), large.sync()
        assert (first.added, second.added, second.unchanged) == (len(wanted), 0, len(wanted))
        store, found, token = large.store(), Counter[str](), None
        while True:
            page = store.client.search_runs([store.experiment_id], "tags.trial_id LIKE '%'", page_token=token)
            found.update(run.data.tags["trial_id"] for run in page)
            if not (token := page.token):
                break
        assert found == wanted


def test_a_server_that_goes_down_in_a_sweep_costs_a_later_track_and_nothing_else(
    database: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = driver.project(
        tmp_path / "project",
        grid={"attention": ["mean"], "fusion": ["concat"], "architecture": ["independent"], "seeds": 40},
        tracking={"enabled": True, "experiment": "goes down"},
        controls={"single_modalities": False, "baselines": []},
        sweep={"at_once": 2},
    )
    loaded = small_project.read(root)
    tracked = Tracked(root=root, loaded=loaded, settings=loaded.params.tracking)
    ledger = root / "data" / "ledger"
    with postgres.mlflow_server(database, tmp_path / "artifacts", port) as server:
        process = driver.start(root)
        while sum(not f.name.endswith(".measured.json") for f in ledger.glob("*.json")) < 20:
            assert process.poll() is None, process.communicate()[0]
        postgres.kill(server)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "are not in MLflow" in said and "`mmbench track`" in said
    results = driver.results(root)
    assert len(results) == 40 and all(r.state == "done" for r in results.values())
    with postgres.mlflow_server(database, tmp_path / "artifacts", port):
        before = runs_of(tracked).total()
        again = tracked.sync(results=results)
        assert runs_of(tracked) == Counter(results.keys())
        assert again.added + again.unchanged + again.replaced == 40 and before > 0
        assert tracked.sync(results=results).unchanged == 40
