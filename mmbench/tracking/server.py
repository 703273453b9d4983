"""MLflow's own pages over the project's runs, on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from mmbench.tracking.rooting import ARTIFACTS
from mmbench.tracking.store import Store, TrackingError, redact

LOOPBACK = ("127.0.0.1", "localhost", "::1")
USUAL_PORT = 5000
START_S = 90.0
STOP_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers at `url`."""

    url: str
    process: subprocess.Popen[bytes]


def free_port(host: str, port: int | None) -> int:
    """`port`, or the usual one or any other that is free. Raises TrackingError where `port` is taken."""
    for candidate in (port,) if port is not None else (USUAL_PORT, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                reason = error.strerror
                continue
            return int(probe.getsockname()[1])
    raise TrackingError(f"cannot listen on {host}:{port} ({reason}); leave out --port to take a free one")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server itself has the port: another may have taken it since it was found free, and answers there."""
    with suppress(psutil.Error):
        own = psutil.Process(process.pid)
        for one in (own, *own.children(recursive=True)):
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in one.net_connections("inet")):
                return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started: all of its process group."""
    for number, wait in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
            if number == signal.SIGKILL or not _group_lives(process.pid):
                return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def serving(store: Store, root: Path, *, host: str = LOOPBACK[0], port: int | None = None) -> Iterator[Server]:
    """Run `mlflow server` over the store; when the block ends, so do the server and its children.

    Raises TrackingError where it does not come up.
    """
    with tempfile.TemporaryFile() as output:
        server = _started(store, root, host, free_port(host, port), output)
        if server is None:
            # Another program took the port while ours was starting.
            server = _started(store, root, host, free_port(host, port), output)
        if server is None:
            raise TrackingError(f"another program answers at {host}:{port or USUAL_PORT}; name another --port")
        try:
            yield server
        finally:
            _end(server.process)


def _started(store: Store, root: Path, host: str, port: int, output: IO[bytes]) -> Server | None:
    """None where another program has the port. Raises TrackingError where it does not come up for another reason."""
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    # The address of the database goes through the environment: it may hold a password, and everyone can list processes.
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": store.uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    command += ["--artifacts-destination", (root.resolve() / ARTIFACTS).as_uri()]
    process = subprocess.Popen(command, env=environment, cwd=root, stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + START_S
        while not (_listens(process, port) and _answers(url)):
            if process.poll() is not None or time.monotonic() > deadline:
                if _answers(url):
                    _end(process)
                    return None
                output.seek(0)
                said = redact(output.read().decode(errors="replace")).strip().splitlines()
                raise TrackingError(f"MLflow's server did not start at {url}: {said[-1] if said else 'no message'}")
            time.sleep(0.2)
    except BaseException:
        _end(process)
        raise
    return Server(url=url, process=process)
