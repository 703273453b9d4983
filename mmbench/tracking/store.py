"""Where the runs go: the address of MLflow, its experiment, and a lock by which the writers of a project take turns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from mmbench.errors import UserError
from mmbench.schema.params import Tracking
from mmbench.tracking.rooting import ARTIFACTS, project_of, reroot

DATABASE = "mlflow.db"
REMEDY = "`mmbench track` imports the ledger again"


class TrackingError(UserError):
    """MLflow could not be reached or refused. The ledger holds everything, so nothing is lost."""


def redact(text: str) -> str:
    """`text` without the user names, passwords and tokens that addresses may carry."""
    text = re.sub(r"(\w+://)[^/\s@]*@", r"\1***@", text)
    return re.sub(r"([?&][^=&\s]*(?:password|pwd|token|secret|key)[^=&\s]*=)[^&\s'\"]+", r"\1***", text, flags=re.I)


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, else a database in the project's folder; a relative SQLite path starts at `root`."""
    root = root.resolve()
    given = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root}/{DATABASE}"
    if given.startswith("sqlite:///") and not given.startswith("sqlite:////"):
        return f"sqlite:///{root / given.removeprefix('sqlite:///')}"
    if "://" not in given or given.startswith("file:"):
        raise TrackingError(
            f"MLFLOW_TRACKING_URI is {redact(given)!r}, a folder, which MLflow no longer writes to; "
            f"give a server (http://...) or a database (sqlite:////absolute/path/mlflow.db)"
        )
    return given


def is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite address, without the options that may follow it; None for anything else."""
    if not uri.startswith("sqlite:///"):
        return None
    from sqlalchemy.engine import make_url

    return Path(make_url(uri).database or "")


@dataclass(frozen=True, kw_only=True)
class Store:
    """An open MLflow and the one experiment in it that belongs to the project."""

    client: Any
    uri: str
    experiment_id: str
    lock: FileLock


@contextmanager
def plain_errors(uri: str) -> Iterator[None]:
    """Whatever MLflow raises becomes one TrackingError, without credentials.

    The exceptions of its HTTP and SQL layers have no common base, and none of them is a fault of the sweep.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = redact(" ".join(str(error).split()))[:300]
        raise TrackingError(f"MLflow at {redact(uri)}: {type(error).__name__}: {said}; {REMEDY}") from None


def quiet() -> None:
    """Telemetry off, no tales of migrations, and a server that is away is given up on in seconds, not minutes."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def _check_owner(name: str, root: Path, uri: str, location: str | None) -> None:
    """Raises TrackingError where artifacts would be written into the folder of another project."""
    owner = None if is_server(uri) else project_of(location)
    if owner is None or owner == root:
        return
    if sqlite_file(uri) == root / DATABASE:
        raise TrackingError(
            f"mlflow.db in {root} was made in {owner}, and what is logged would be written there; this project was "
            "copied or moved: `mmbench track --here` makes it its own"
        )
    raise TrackingError(
        f"the MLflow experiment {name!r} at {redact(uri)} belongs to the project in {owner}, and what is "
        "logged would be written there; give another name in params.yaml: tracking.experiment"
    )


def check_owners(root: Path, uri: str) -> None:
    """Raises TrackingError where the project's own database leads into the folder of another project."""
    root = root.resolve()
    if sqlite_file(uri) != root / DATABASE:
        return
    with plain_errors(uri):
        from mlflow import MlflowClient

        for experiment in MlflowClient(tracking_uri=uri).search_experiments():
            _check_owner(experiment.name, root, uri, experiment.artifact_location)


def take_over(settings: Tracking, root: Path) -> int:
    """Let the project's own database lead to this folder, after a copy or a move; returns how many addresses changed.

    Raises TrackingError where there is no database of its own.
    """
    root, uri = root.resolve(), tracking_uri(root)
    database = root / DATABASE
    if sqlite_file(uri) != database:
        raise TrackingError(f"MLFLOW_TRACKING_URI is {redact(uri)}; only {database} can be made this folder's own")
    if not database.exists():
        return 0
    quiet()
    with plain_errors(uri), FileLock(root / f"{DATABASE}.lock"):
        from mlflow import MlflowClient

        experiment = MlflowClient(tracking_uri=uri).get_experiment_by_name(settings.experiment)
        owner = None if experiment is None else project_of(experiment.artifact_location)
        return 0 if owner is None or owner == root else reroot(database, owner, root)


def open_store(settings: Tracking, root: Path) -> Store:
    """Open MLflow, which takes seconds on first use, and find or make the experiment. Raises TrackingError."""
    uri = tracking_uri(root)
    quiet()
    lock = FileLock(root.resolve() / f"{DATABASE}.lock")
    with plain_errors(uri), lock:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            where = None if is_server(uri) else (root.resolve() / ARTIFACTS).as_uri()
            experiment_id = client.create_experiment(settings.experiment, artifact_location=where)
        elif experiment.lifecycle_stage != "active":
            raise TrackingError(
                f"the MLflow experiment {settings.experiment!r} was deleted at {redact(uri)}; restore it there, or "
                f"give another name in params.yaml: tracking.experiment"
            )
        else:
            _check_owner(settings.experiment, root.resolve(), uri, experiment.artifact_location)
            experiment_id = experiment.experiment_id
    return Store(client=client, uri=uri, experiment_id=experiment_id, lock=lock)
