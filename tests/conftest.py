"""Before PyTorch is imported: one thread a test process.

Two processes of two threads each wait for each other on two cores, and models as small as these take several times as
long.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests.support.passed import Passed


@pytest.fixture
def passed(request: pytest.FixtureRequest) -> Passed:
    """What of the grid of this test module has passed before with the source as it is."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    # By file, since with `--import-mode=importlib` a module's own name may be another.
    path = request.path.relative_to(request.config.rootpath).with_suffix("")
    return Passed(None if cache is None else cache.mkdir("passed"), ".".join(path.parts))
