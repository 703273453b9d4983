"""A report takes the place of the last one whole or not at all, also where two are written at once."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from mmbench.report import export as exporting
from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from mmbench.schema.report_files import REPORT_FILES, REPORT_FOLDERS
from mmbench.schema.result import State
from mmbench.stages import report as stage
from tests.support.factory import TRUTHS, make


def _report(*, failed: bool) -> Report:
    faults = dict.fromkeys(range(100), State.FAILED if failed else State.PENDING)
    return analyse(**make(truths={"synergy": TRUTHS["synergy"]}, seeds=2, faults=faults).arguments())


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_report_that_is_not_finished_leaves_the_last_one_as_it_was(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write(_report(failed=False), tmp_path)
    before = _contents(tmp_path)
    assert before.keys() >= {name for name in REPORT_FILES if name != "results.parquet"}

    def stopped(*args: object, **more: object) -> str:
        raise error

    # The page comes last.
    monkeypatch.setattr(stage, "render", stopped)
    with pytest.raises((stage.UserError, KeyboardInterrupt)):
        stage.write(_report(failed=True), tmp_path)
    assert _contents(tmp_path) == before
    assert {p.name for p in tmp_path.iterdir()} == {*REPORT_FILES, *REPORT_FOLDERS}, "nothing else is left"


def test_two_reports_at_once_both_end_well_and_one_of_them_is_there(tmp_path: Path) -> None:
    ready = Barrier(4)

    def write(mark: int) -> None:
        def files(scratch: Path) -> tuple[str, ...]:
            for name in ("tables/a", "figures/a", "page"):
                (scratch / name).write_text(str(mark))
            ready.wait(timeout=60)
            return ("tables/a", "figures/a", "page")

        exporting._replace(tmp_path, ("tables", "figures"), files)

    for _ in range(30):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert len(set(_contents(tmp_path).values())) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"tables", "figures", "page"}


def test_what_a_killed_report_left_is_removed(tmp_path: Path) -> None:
    left, beside = tmp_path / ".report.killed", tmp_path / ".report.writing"
    for folder in (left, beside):
        (folder / "new").mkdir(parents=True)
    os.utime(left, (time.time() - 7200,) * 2)
    exporting._replace(tmp_path, (), lambda _: ())
    assert not left.exists() and beside.exists()
