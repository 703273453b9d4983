"""Real data beside the repository; tests that need it are skipped, visibly, where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MMBENCH_SHARED_DATA", ROOT.parent / "shared" / "data"))


def needs(name: str) -> pytest.MarkDecorator:
    """Skip unless `SHARED / name` is there."""
    return pytest.mark.skipif(not (SHARED / name).exists(), reason=f"{name} is not in {SHARED}")
