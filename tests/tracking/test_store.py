from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.schema.params import Tracking
from mmbench.tracking import TrackingError, open_store, redact, tracking_uri
from mmbench.tracking.store import sqlite_file
from tests.tracking.conftest import Tracked


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("http://ann:s3cret@host:5000/x", "http://***@host:5000/x"),
        ("postgresql://u:p%40ss@db/m?password=s3cret&ssl=1", "postgresql://***@db/m?password=***&ssl=1"),
        ("cannot reach https://token@host/a and http://h/", "cannot reach https://***@host/a and http://h/"),
        ("sqlite:////srv/mlflow.db", "sqlite:////srv/mlflow.db"),
    ],
)
def test_credentials_are_never_shown(text: str, safe: str) -> None:
    assert redact(text) == safe


def test_the_address_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/other.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////srv/mlflow.db", "/srv/mlflow.db"),
        ("sqlite:////srv/a b.db?timeout=30", "/srv/a b.db"),
        ("http://127.0.0.1:5000", None),
        ("postgresql://h/m", None),
    ],
)
def test_the_file_of_an_address_is_found(uri: str, file: str | None) -> None:
    assert sqlite_file(uri) == (None if file is None else Path(file))


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns"])
def test_a_folder_is_refused_with_the_remedy(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=r"no longer writes to; give a server"):
        tracking_uri(tmp_path)


def test_a_server_that_is_away_is_told_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match="mmbench track") as told:
        open_store(Tracking(enabled=True, experiment="x"), tmp_path)
    assert "s3cret" not in str(told.value)
    assert "127.0.0.1:9" in str(told.value)


@pytest.mark.slow
def test_a_deleted_experiment_is_told_with_the_remedy(tracked: Tracked) -> None:
    store = tracked.store()
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError, match="restore it there, or give another name"):
        tracked.store()


def test_a_broken_database_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(TrackingError, match="not a database") as told:
        open_store(Tracking(enabled=True, experiment="x"), tmp_path)
    assert "\n" not in str(told.value)
