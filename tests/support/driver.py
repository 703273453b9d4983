"""A real sweep in a process of its own, as `dvc repro` would start it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from mmbench.ledger.store import Ledger
from mmbench.schema.result import TrialResult
from tests.support import small_project

PLANTED = Path(__file__).parent / "planted"


def project(folder: Path, **sections: dict[str, Any]) -> Path:
    """The small project, with these keys of these sections of params.yaml changed, and no tracking."""
    folder.mkdir()
    root = small_project.make(folder)
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    for section, values in ({"tracking": {"enabled": False}} | sections).items():
        raw[section] |= values
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return root


def start(root: Path, *, before: str = "") -> subprocess.Popen[str]:
    """`python -m pipeline.sweep` in that project, in a session of its own; planted variants can be found.

    before: Python that runs first in that process.
    """
    program = (
        ["-m", "pipeline.sweep"] if not before else ["-c", f"{before}; from pipeline.sweep import main; exit(main())"]
    )
    path = os.pathsep.join([str(small_project.ROOT), str(PLANTED), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
    return subprocess.Popen(
        [sys.executable, *program],
        cwd=root,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def results(root: Path) -> dict[str, TrialResult]:
    """What the ledger holds, by trial id. No file may be broken."""
    ledger = Ledger(root / "data" / "ledger")
    found = ledger.read()
    assert not ledger.broken
    return found


def stop(root: Path, count: int, how: signal.Signals) -> tuple[int, str]:
    """Start a sweep, send it the signal when so many trials have finished, and see every process of it end; returns
    its exit code and what it said."""
    process = start(root)
    while sum(not f.name.endswith(".measured.json") for f in (root / "data" / "ledger").glob("*.json")) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    main = psutil.Process(process.pid)
    # Nothing goes on while they are looked at, which takes long on a busy machine: the signal must not come too late.
    main.suspend()
    family = main.children(recursive=True)
    _each(family, psutil.Process.suspend)
    assert len(family) > 3
    heard = listening([main, *family])
    assert heard and all(address.is_loopback for address in heard), "Ray listens for other machines"
    os.kill(process.pid, how)
    _each([main, *family], psutil.Process.resume)
    output, _ = process.communicate(timeout=60)
    end = time.monotonic() + 10
    while _remaining(family) and time.monotonic() < end:
        time.sleep(0.1)
    assert _remaining(family) == []
    return process.returncode, output


def _each(processes: list[psutil.Process], what: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            what(process)


def listening(processes: list[psutil.Process]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses on which these processes take connections."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    address = ipaddress.ip_address(connection.laddr.ip)
                    found.append(getattr(address, "ipv4_mapped", None) or address)
    return found


def _remaining(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
