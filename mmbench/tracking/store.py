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
    given = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root}/mlflow.db"
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


def open_store(settings: Tracking, root: Path) -> Store:
    """Open MLflow, which takes seconds on first use, and find or make the experiment. Raises TrackingError."""
    uri = tracking_uri(root)
    quiet()
    lock = FileLock(root.resolve() / "mlflow.db.lock")
    with plain_errors(uri), lock:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            where = None if is_server(uri) else (root.resolve() / "mlartifacts").as_uri()
            experiment_id = client.create_experiment(settings.experiment, artifact_location=where)
        elif experiment.lifecycle_stage != "active":
            raise TrackingError(
                f"the MLflow experiment {settings.experiment!r} was deleted at {redact(uri)}; restore it there, or "
                f"give another name in params.yaml: tracking.experiment"
            )
        else:
            experiment_id = experiment.experiment_id
    return Store(client=client, uri=uri, experiment_id=experiment_id, lock=lock)
