"""One ledger, one report: byte for byte, wherever and in whatever language it is made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.factory import ROOT

SCRIPT = """
import locale, sys
from pathlib import Path
from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.schema.result import State
from tests.support.factory import TRUTHS, make
locale.setlocale(locale.LC_ALL, "")
folder = Path(sys.argv[1])
levels = {"attention": ["additive", "mean"], "fusion": ["concat", "early_concat"], "architecture": ["hybrid", "shared"]}
truths = {name: TRUTHS[name] for name in ("unique", "synergy")}
analysis = analyse(**make(truths=truths, levels=levels, faults={2: State.FAILED, 5: State.PENDING}).arguments())
files = export(analysis, folder)
(folder / "report.html").write_text(render(analysis, downloads=files), encoding="utf-8")
"""


def _installed() -> list[str]:
    """Locales of this machine beyond C, of other languages where there are any."""
    try:
        listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    except OSError:
        return []
    return [name for name in listed if name not in ("C", "POSIX", "C.utf8", "C.UTF-8")]


def _made(folder: Path, **environment: str) -> dict[str, str]:
    """Hash of every file of the report, made in a process of its own."""
    folder.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "TZ", "PYTHON"))}
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)} | environment)
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.exhaustive
def test_time_zone_locale_and_hash_seed_change_nothing(tmp_path: Path) -> None:
    plain = _made(tmp_path / "plain", TZ="UTC", LC_ALL="C.UTF-8", PYTHONHASHSEED="0")
    assert "report.html" in plain and len(plain) > 20
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert _made(tmp_path / "far", TZ="Pacific/Kiritimati", PYTHONHASHSEED="1", **ascii_only) == plain
    other = (_installed() or ["C.UTF-8"])[-1]
    assert _made(tmp_path / "west", TZ="Pacific/Marquesas", PYTHONHASHSEED="2", LC_ALL=other) == plain
