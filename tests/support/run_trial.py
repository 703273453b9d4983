"""A trial in this process, as readers see its result."""

from __future__ import annotations

from typing import Any

from mmbench.schema.result import TrialResult
from mmbench.sweep import trial


def run(*arguments: Any, **options: Any) -> TrialResult:
    """As `mmbench.sweep.trial.run` is called."""
    return trial.run(*arguments, **options).complete
