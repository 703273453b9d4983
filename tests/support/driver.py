"""A real sweep in a process of its own, as `dvc repro` would start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
