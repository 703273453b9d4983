"""A real PostgreSQL and a real MLflow server on it, as teams run them, on loopback and in folders of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

LOOPBACK = "127.0.0.1"


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if not _programs():
        return "PostgreSQL is not installed (Debian: postgresql)"
    if find_spec("psycopg2") is None:
        return "psycopg2 is not installed, by which MLflow speaks to PostgreSQL"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL refuses to run as root, and there is no runuser"
    return None


def _programs() -> list[Path]:
    """Folders with `initdb` and `postgres`, the newest version first; Debian does not put them on the PATH."""
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    candidates = ([Path(found).resolve().parent] if found else []) + installed
    return [p for p in candidates if all((p / name).exists() for name in ("initdb", "postgres", "pg_isready"))]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root; Debian's package makes a user for it."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End it with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@contextmanager
def database() -> Iterator[str]:
    """A server of its own with an empty database; yields its address. Everything is gone afterwards."""
    programs, port = _programs()[0], free_port()
    with tempfile.TemporaryDirectory(prefix="mmbench-postgres-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        make = [*_as_owner(), programs / "initdb", "-D", data, "-U", "mmbench", "--auth=trust", "--no-sync"]
        subprocess.run(make, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        run = [*_as_owner(), programs / "postgres", "-D", data, "-h", LOOPBACK, "-p", str(port), "-k", folder]
        process = subprocess.Popen(
            run, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            ready = [programs / "pg_isready", "-h", LOOPBACK, "-p", str(port), "-q"]
            end = time.monotonic() + 60
            while subprocess.run(ready, check=False).returncode:
                assert process.poll() is None and time.monotonic() < end, "PostgreSQL does not come up"
                time.sleep(0.2)
            yield f"postgresql+psycopg2://mmbench@{LOOPBACK}:{port}/postgres"
        finally:
            # A fast shutdown: what is connected is cut off.
            _end(process, signal.SIGINT)


@contextmanager
def mlflow_server(database: str, artifacts: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`mlflow server` on that database, which keeps artifacts in that folder and hands them out itself."""
    env = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    env.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "2"]
    command += ["--artifacts-destination", artifacts.resolve().as_uri()]
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        end = time.monotonic() + 120
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://{LOOPBACK}:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    break
            assert process.poll() is None and time.monotonic() < end, "MLflow's server does not come up"
            time.sleep(0.3)
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """At once, as a crash would."""
    _end(process, signal.SIGKILL)
