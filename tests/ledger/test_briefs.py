"""What is told of results without reading them is what reading them would tell."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmbench.cli.project import Loaded
from mmbench.ledger import store
from mmbench.ledger.briefs import Brief, brief_of
from mmbench.ledger.store import Ledger
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import trial_id
from tests.ledger.test_files import files, write
from tests.support import small_project

DONE = 3


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return small_project.read(small_project.make(tmp_path_factory.mktemp("briefs")))


@pytest.fixture
def ledger(tmp_path: Path, loaded: Loaded) -> Ledger:
    """Three trials that are done, and two that are not."""
    made = Ledger(tmp_path / "ledger")
    for i in range(DONE):
        write(made, files(loaded, i))
    for job, state in zip(loaded.plan.jobs[DONE:], (State.FAILED, State.TIMEOUT), strict=False):
        result = small_project.result(job)
        made.write(
            result.model_copy(update={"state": state, "message": "why", "metrics": {}, "limits": {"seconds": 3}})
        )
    return made


def expected(ledger: Ledger, loaded: Loaded) -> tuple[dict[str, Brief], set[str], set[str]]:
    """What reading everything tells, and which files are broken or odd."""
    fresh = Ledger(ledger.folder)
    results = fresh.whole(loaded.plan.trials)
    broken, notes = set(map(str, fresh.broken)), set(map(str, fresh.notes))
    measured = fresh.measured(results)
    return {i: brief_of(r, measured.get(i)) for i, r in results.items()}, broken, notes


def found(ledger: Ledger, loaded: Loaded, *, quick: bool = False) -> tuple[dict[str, Brief], set[str], set[str]]:
    """What a new reader is told, with the index that is there."""
    fresh = Ledger(ledger.folder)
    briefs = fresh.briefs(loaded.plan.trials, whole=True, quick=quick)
    return briefs, set(map(str, fresh.broken)), set(map(str, fresh.notes))


def index(ledger: Ledger) -> Path:
    return ledger.folder.with_name(".ledger.index")


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Ledger, file: Path) -> TrialResult:
        raise AssertionError(f"{file} was read")

    monkeypatch.setattr(Ledger, "_load", fail)


def test_they_are_those_of_the_results(loaded: Loaded, ledger: Ledger) -> None:
    briefs, broken, _ = found(ledger, loaded)
    assert (briefs, broken, _) == expected(ledger, loaded)
    assert len(briefs) == DONE + 2 and sum(b.fingerprints is not None for b in briefs.values()) == DONE
    done = briefs[loaded.plan.jobs[0].trial_id]
    assert done.fingerprints is not None and done.fingerprints.probes == {"cost": "p"}


def test_a_second_look_reads_nothing(loaded: Loaded, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(ledger, loaded)
    forbid_reading(monkeypatch)
    assert found(ledger, loaded) == first


def test_what_was_written_in_a_sweep_is_not_read_to_be_counted(
    loaded: Loaded, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.lock():
        write(ledger, files(loaded, DONE + 2))
    forbid_reading(monkeypatch)
    assert len(found(ledger, loaded)[0]) == DONE + 3


def _rewrite(ledger: Ledger, i: str) -> None:
    """Another state, as long and as old as before."""
    file = ledger.json_file(i)
    before = file.stat()
    file.write_bytes(file.read_bytes().replace(b'"timeout"', b'"no_such"').replace(b'"done"', b'"odd!"'))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _cut(ledger: Ledger, i: str) -> None:
    file = ledger.json_file(i)
    file.write_bytes(file.read_bytes()[:50])


def _other_name(ledger: Ledger, i: str) -> None:
    shutil.copy(ledger.json_file(i), ledger.json_file("0" * 16))


CHANGES: dict[str, Callable[[Ledger, str], object]] = {
    "rewritten": _rewrite,
    "cut short": _cut,
    "removed": lambda ledger, i: ledger.json_file(i).unlink(),
    "under another name": _other_name,
    "no measurements": lambda ledger, i: ledger.measured_file(i).unlink(missing_ok=True),
    "odd measurements": lambda ledger, i: ledger.measured_file(i).write_text("{}"),
    "no outputs": lambda ledger, i: ledger.outputs_file(i).unlink(missing_ok=True),
    "outputs cut short": lambda ledger, i: ledger.outputs_file(i).write_bytes(b"x"),
    "a foreign file": lambda ledger, i: (ledger.folder / "mine.txt").write_text("x"),
    "an index of garbage": lambda ledger, i: index(ledger).write_bytes(b"no database at all" * 99),
    "an index cut short": lambda ledger, i: index(ledger).write_bytes(index(ledger).read_bytes()[:5000]),
    "no index": lambda ledger, i: index(ledger).unlink(missing_ok=True),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("which", [0, DONE + 1], ids=["done", "timeout"])
@pytest.mark.parametrize("settled", [False, True], ids=["fresh", "settled"])
def test_whatever_changes_is_noticed_and_told_each_time(
    loaded: Loaded, ledger: Ledger, what: str, which: int, settled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settled:
        monkeypatch.setattr(store, "SETTLED_NS", 0)
    for _ in range(2):
        found(ledger, loaded)
    # A disk's clock may have steps of some milliseconds.
    time.sleep(0.02)
    CHANGES[what](ledger, loaded.plan.jobs[which].trial_id)
    quickly = found(ledger, loaded, quick=True)
    for _ in range(2):
        assert found(ledger, loaded) == expected(ledger, loaded)
    # Only outputs that were changed in their place are left to those who are not in a hurry.
    assert what == "outputs cut short" or quickly == expected(ledger, loaded)
    assert found(ledger, loaded, quick=True) == expected(ledger, loaded), "once it is known"


def test_where_nothing_came_or_went_the_folder_is_not_listed(
    loaded: Loaded, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTLED_NS", 0)
    first = found(ledger, loaded)
    found(ledger, loaded)

    def fail(self: Ledger) -> set[str]:
        raise AssertionError("listed")

    monkeypatch.setattr(Ledger, "_names", fail)
    assert found(ledger, loaded, quick=True) == first


def test_any_row_of_changes_is_noticed(loaded: Loaded, ledger: Ledger) -> None:
    draw = random.Random(0)
    for _ in range(40):
        what = draw.choice(sorted(CHANGES))
        i = loaded.plan.jobs[draw.randrange(DONE + 2)].trial_id
        if ledger.json_file(i).exists() and index(ledger).exists():
            CHANGES[what](ledger, i)
        if draw.random() < 0.4:
            write(ledger, files(loaded, draw.randrange(DONE)))
        assert found(ledger, loaded) == expected(ledger, loaded), what


def test_a_copied_ledger_is_read_once_and_told_right(loaded: Loaded, ledger: Ledger, tmp_path: Path) -> None:
    found(ledger, loaded)
    shutil.copytree(ledger.folder, tmp_path / "copy" / "ledger")
    shutil.copy(index(ledger), tmp_path / "copy" / ".ledger.index")
    copied = Ledger(tmp_path / "copy" / "ledger")
    assert found(copied, loaded)[0] == found(ledger, loaded)[0]


def test_where_no_index_can_be_written_all_is_read(loaded: Loaded, ledger: Ledger) -> None:
    index(ledger).unlink(missing_ok=True)
    index(ledger).mkdir()
    assert found(ledger, loaded) == expected(ledger, loaded)


def test_a_result_of_another_plan_is_broken_under_a_planned_name(loaded: Loaded, ledger: Ledger) -> None:
    """Its name is right for its contents, and yet it is not what the plan has under that name."""
    first = loaded.plan.jobs[0]
    assert trial_id(first.config, first.data_hash, first.fingerprint) == first.trial_id
    jobs = [job.model_copy(update={"fingerprint": "another"}) for job in loaded.plan.jobs[:1]]
    fresh = Ledger(ledger.folder)
    index(ledger).unlink(missing_ok=True)
    assert fresh.briefs(jobs) == {} == fresh.of(jobs)
