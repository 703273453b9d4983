"""Where a number comes from: commit, versions, hardware."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import psutil

PACKAGES = ("mmbench", "torch", "ray", "mlflow", "dvc", "numpy", "scipy", "scikit-learn", "pandas")


@cache
def versions() -> dict[str, str]:
    """Installed versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@cache
def hardware() -> dict[str, str | int | float | None]:
    """Processor, cores, memory (GiB) and GPU of this machine."""
    # Late: a plan asks for the commit alone, and must be quick.
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": gpu,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _git(*words: str, root: Path) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def commit(root: Path) -> tuple[str | None, bool | None]:
    """The commit checked out at `root`, and whether tracked source differs from it; None where git cannot say.

    Results and data are not source: they change with every run.
    """
    head = _git("rev-parse", "HEAD", root=root)
    changed = _git(
        "status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports", ":!dvc.lock", ":!data", root=root
    )
    return head, None if changed is None else bool(changed)
