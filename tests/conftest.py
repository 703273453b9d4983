"""What all tests share; and before PyTorch is imported: one thread per test process.

Two processes of two threads each wait for each other on two cores, and models as small as these take several times as
long.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests.support.passed import Passed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def passed(request: pytest.FixtureRequest) -> Passed:
    """What of the grid of this test module has passed before with the source as it is."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    # By file, since with `--import-mode=importlib` a module's own name may be another.
    path = request.path.relative_to(request.config.rootpath).with_suffix("")
    return Passed(None if cache is None else cache.mkdir("passed"), ".".join(path.parts))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per module; every test opens a context of its own.

    Not one per process: Playwright keeps an event loop running, in which later tests that need their own would fail.
    """
    found = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    if found is None:
        pytest.skip("no Chromium on this machine: the report is not opened in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        yield chromium
        chromium.close()
