"""Reports that several tests open in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.schema.result import State
from tests.support.cost_curves import example
from tests.support.factory import OTHERS, TRUTHS, make

FAULTS = {
    4: State.FAILED,
    43: State.FAILED,
    82: State.FAILED,
    7: State.DIVERGED,
    150: State.TIMEOUT,
    200: State.PENDING,
}


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(analyse(**make(faults=FAULTS).arguments(), profiles=(example(),))), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def mixed_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data sets that are scored differently, among them errors."""
    path = tmp_path_factory.mktemp("mixed") / "report.html"
    truths = {"synergy": TRUTHS["synergy"], "rating": OTHERS["rating"], "mood": OTHERS["mood"]}
    path.write_text(render(analyse(**make(truths=truths).arguments())), encoding="utf-8")
    return path
