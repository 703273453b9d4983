"""The report while a sweep writes: it says what is missing, ranks nothing that is not complete, and never fails."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbench.ledger.store import Ledger
from mmbench.report.build import analyse
from mmbench.report.pages.report import Report
from tests.support.factory import TRUTHS, Made, as_json, make

WRITER = """
import json, sys, time
from pathlib import Path
from tests.support.factory import from_json
from mmbench.ledger.store import Ledger
made, folder = from_json(json.loads(Path(sys.argv[1]).read_text())), Path(sys.argv[2])
ledger = Ledger(folder)
(folder / ".writing.killed").write_text('{"trial_id": "half')
print("ready", flush=True)
for result in made.results.values():
    ledger.write(result)
    time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def made() -> Made:
    made = make(truths={"synergy": TRUTHS["synergy"]}, seeds=2)
    results = dict(sorted(made.results.items(), key=lambda kv: (kv[1].config.seed, kv[0])))
    return Made(**{**vars(made), "results": results})


@pytest.fixture
def writer(made: Made, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that fills the ledger, beside what a killed sweep has left."""
    (tmp_path / "made.json").write_text(json.dumps(as_json(made)))
    (tmp_path / "ledger").mkdir()
    words = [sys.executable, "-c", WRITER, str(tmp_path / "made.json"), str(tmp_path / "ledger"), "0.03"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def _holds(analysis: Report, made: Made, read: int) -> None:
    """Whatever part of the ledger was seen, the report is consistent with exactly that part."""
    total = analysis.context.total
    assert total.done == read and total.pending == len(made.plan.jobs) - read
    assert analysis.context.partial == (total.pending > 0)
    assert analysis.headline.startswith(
        ("No results yet", "So far: ")
        if analysis.context.partial
        else ("Use ", "Not decided", "No winner", "On average", "Avoid")
    )
    if analysis.context.partial:
        assert analysis.caveats[0].startswith("This report is partial: ")
    (d,) = analysis.context.datasets
    for row in d.cells:
        done = {s.seed for s in row.seeds if s.state == "done"}
        assert row.ranked == (bool(d.seeds) and set(d.seeds) <= done)
        assert row.ranked or (row.rank is None and row.in_top is None and not row.best)
        assert (row.state == "complete") == (len(done) == 2)
    caption = next(t.caption for t in analysis.tables if t.name == "cells_synergy")
    incomplete = bool(d.dropped) or 0 < len(d.seeds) < 2
    assert ("partial: " in caption) == incomplete, caption


@pytest.mark.slow
def test_reports_of_a_ledger_that_is_being_written(made: Made, writer: subprocess.Popen[str], tmp_path: Path) -> None:
    ledger, seen = Ledger(tmp_path / "ledger"), []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ended = writer.poll() is not None
        results = ledger.read()
        assert not ledger.broken, "a scratch file is no result, and none is seen half written"
        assert all(made.results[k] == r for k, r in results.items())
        _holds(analyse(**(made.arguments() | {"results": results})), made, len(results))
        seen.append(len(results))
        if ended:
            break
    assert writer.returncode == 0
    assert seen == sorted(seen) and seen[-1] == len(made.results)
    assert len({n for n in seen if 0 < n < len(made.results)}) >= 2, "it was seen on its way"


def test_a_file_cut_short_counts_as_not_run_and_is_told(made: Made, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    for result in made.results.values():
        ledger.write(result)
    cut = sorted(ledger.folder.glob("*.json"))[0]
    cut.write_bytes(cut.read_bytes()[:200])
    results = ledger.read()
    assert list(ledger.broken) == [cut]
    found = analyse(**(made.arguments() | {"results": results}))
    assert found.context.total.pending == 1 and found.context.partial
