"""Why a worker was lost, as far as Ray and the kernel tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray


def kernel_kills() -> int:
    """How many processes of this machine the kernel has ended for want of memory, since it started (Linux)."""
    try:
        fields = dict(line.split() for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines())
    except OSError:
        return 0
    return int(fields.get("oom_kill", 0))


def error_of(trial: Any) -> object:
    """What Tune noted of a trial's end, in this process: the exception, or else its text."""
    if trial.pickled_error_file is not None:
        return ray.cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    return "" if trial.error_file is None else Path(trial.error_file).read_text(encoding="utf-8")


def plain(error: object) -> str:
    """The telling line of one of Ray's long errors."""
    text = str(error)
    detail = text.partition("Worker exit detail:")[2].partition("Some common causes")[0].strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (detail or (lines or ["no reason was given"])[-1])[:500]
