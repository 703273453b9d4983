from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mmbench.cli.project import Loaded
from mmbench.errors import UserError
from mmbench.ledger.coverage import coverage
from mmbench.ledger.store import Ledger
from mmbench.schema.plan import Limits
from mmbench.schema.result import State, TrialResult
from tests.support import small_project


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return small_project.read(small_project.make(tmp_path_factory.mktemp("ledger")))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def _results(loaded: Loaded, count: int) -> list[TrialResult]:
    return [small_project.result(job) for job in loaded.plan.jobs[:count]]


def test_what_is_written_is_read(loaded: Loaded, ledger: Ledger) -> None:
    kept = _results(loaded, 3)
    for result in kept:
        ledger.write(result)
    assert ledger.read() == {r.trial_id: r for r in kept}
    assert ledger.read([kept[1].trial_id, "0" * 16]) == {kept[1].trial_id: kept[1]}
    assert ledger.broken == {}


def test_an_absent_ledger_is_empty(ledger: Ledger) -> None:
    assert ledger.read() == {}
    assert not ledger.folder.exists()


def test_broken_and_foreign_files_are_told_and_kept(loaded: Loaded, ledger: Ledger) -> None:
    good, moved, cut = _results(loaded, 3)
    for result in (good, moved, cut):
        ledger.write(result)
    folder = ledger.folder
    (folder / f"{moved.trial_id}.json").rename(folder / f"{'0' * 16}.json")
    half = (folder / f"{cut.trial_id}.json").read_bytes()[:100]
    (folder / f"{cut.trial_id}.json").write_bytes(half)
    (folder / "notes.txt").write_text("mine")
    assert ledger.read() == {good.trial_id: good}
    assert {file.name for file in ledger.broken} == {f"{'0' * 16}.json", f"{cut.trial_id}.json", "notes.txt"}
    pending = {job.trial_id for job in ledger.pending(loaded.plan, Limits())}
    assert good.trial_id not in pending
    assert {moved.trial_id, cut.trial_id} <= pending
    with ledger.lock():
        assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("metrics", [{}, {"test": {"accuracy": -3.0}}, {"test": {"accuracy": 7.5}}])
def test_impossible_scores_are_no_result(loaded: Loaded, ledger: Ledger, metrics: dict[str, Any]) -> None:
    result = small_project.result(loaded.plan.jobs[0], State.DONE)
    ledger.write(result)
    (file,) = (f for f in ledger.folder.iterdir() if result.trial_id in f.name)
    raw = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(raw | {"metrics": metrics}), encoding="utf-8")
    assert ledger.read() == {}
    assert list(ledger.broken) == [file]


def test_the_states_sum_to_what_was_declared(loaded: Loaded, ledger: Ledger) -> None:
    for state, job in zip((State.DONE, State.FAILED, State.TIMEOUT), loaded.plan.jobs, strict=False):
        ledger.write(small_project.result(job, state))
    counts = coverage(loaded.plan, ledger.read())
    assert sum(counts.values()) == loaded.plan.declared
    assert counts[State.PENDING] == loaded.plan.declared - 3
    assert (counts[State.DONE], counts[State.FAILED], counts[State.TIMEOUT]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("state", "then", "now", "again"),
    [
        (State.TIMEOUT, {"seconds": 10.0}, Limits(seconds=10), False),
        (State.TIMEOUT, {"seconds": 10.0}, Limits(seconds=11), True),
        (State.TIMEOUT, {"seconds": 10.0}, Limits(), True),
        (State.TIMEOUT, {"seconds": 10.0}, Limits(seconds=10, memory_gb=99), False),
        (State.OUT_OF_MEMORY, {"memory_gb": 1.0}, Limits(memory_gb=2), True),
        (State.OUT_OF_MEMORY, {"memory_gb": 1.0}, Limits(memory_gb=0.5), False),
        (State.OUT_OF_MEMORY, {"memory_gb": None}, Limits(), False),
        (State.FAILED, {"seconds": 10.0}, Limits(), False),
    ],
)
def test_a_larger_limit_gives_another_chance(
    loaded: Loaded, ledger: Ledger, state: State, then: dict[str, float | None], now: Limits, again: bool
) -> None:
    job = loaded.plan.jobs[0]
    ledger.write(small_project.result(job, state).model_copy(update={"limits": then}))
    assert (job in ledger.pending(loaded.plan, now)) is again


def test_forgotten_states_run_again(loaded: Loaded, ledger: Ledger) -> None:
    for state, job in zip((State.DONE, State.FAILED, State.TIMEOUT), loaded.plan.jobs, strict=False):
        ledger.write(small_project.result(job, state))
    done, failed, timeout = (job.trial_id for job in loaded.plan.jobs[:3])
    assert set(ledger.forget(State.FAILED, State.TIMEOUT)) == {failed, timeout}
    assert set(ledger.read()) == {done}


HOLD = """
import sys, time
from pathlib import Path
from mmbench.ledger.store import Ledger
with Ledger(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_sweep_is_refused_and_told_by_whom(ledger: Ledger) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(ledger.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=rf"another sweep \(process {holder.pid}\) is writing"), ledger.lock():
            pass
    finally:
        holder.kill()
        holder.communicate()
    with ledger.lock():
        pass


WRITE = """
import sys
from pathlib import Path
from mmbench.schema.result import TrialResult
from mmbench.ledger.store import Ledger
file = Path(sys.argv[1])
ledger, result = Ledger(file.parent), TrialResult.model_validate_json(file.read_bytes())
while True:
    ledger.write(result.model_copy(update={"traceback": "x" * 1_000_000}))
    print("written", flush=True)
"""


def test_a_reader_and_a_killed_writer_never_leave_half_a_file(loaded: Loaded, ledger: Ledger) -> None:
    (result,) = _results(loaded, 1)
    ledger.write(result)
    file = ledger.folder / f"{result.trial_id}.json"
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(file)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert ledger.read().keys() == {result.trial_id}
        assert ledger.broken == {}
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert ledger.read().keys() == {result.trial_id}
    with ledger.lock():
        assert [f.name for f in ledger.folder.iterdir()] == [file.name]


def test_a_file_in_the_place_of_the_folder(loaded: Loaded, ledger: Ledger) -> None:
    ledger.folder.write_text("in the way")
    with pytest.raises(UserError, match="is a file where the ledger needs a folder; move it away"), ledger.lock():
        pass
    with pytest.raises(UserError, match="is a file where the ledger needs a folder"):
        ledger.write(_results(loaded, 1)[0])
    assert ledger.folder.read_text() == "in the way"


def test_a_full_disk_is_told_and_loses_nothing(loaded: Loaded, small_disk: Path) -> None:
    ledger = Ledger(small_disk / "ledger")
    first, second = _results(loaded, 2)
    with ledger.lock():
        ledger.write(first)
        with pytest.raises(UserError, match=re.escape(f"the disk is full: no room for a result in {ledger.folder}")):
            ledger.write(second.model_copy(update={"traceback": "x" * 300_000}))
    assert ledger.read() == {first.trial_id: first}
    assert [f.name for f in ledger.folder.iterdir()] == [f"{first.trial_id}.json"]
    (small_disk / "filler").write_bytes(b" " * (shutil.disk_usage(small_disk).free // 4096 * 4096))
    with pytest.raises(UserError, match=r"the disk is full: .* free some space"), ledger.lock():
        pass
    assert ledger.read() == {first.trial_id: first}


def test_a_read_only_folder_is_told_before_anything_runs(loaded: Loaded, small_disk: Path) -> None:
    ledger = Ledger(small_disk / "ledger")
    (result,) = _results(loaded, 1)
    ledger.write(result)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match=r"cannot be written \(Read-only file system\); allow writing"), ledger.lock():
        pass
    assert ledger.read() == {result.trial_id: result}


def test_a_folder_in_the_place_of_a_result_is_told_before_anything_runs(tmp_path: Path) -> None:
    from mmbench.schema.plan import Limits
    from tests.support import small_project

    loaded = small_project.read(small_project.make(tmp_path))
    place = loaded.ledger.folder / f"{loaded.plan.jobs[0].trial_id}.json"
    place.mkdir(parents=True)
    with pytest.raises(UserError, match=f"{place.name} is a folder where a result belongs; move it away"):
        loaded.ledger.pending(loaded.plan, Limits())


def test_a_result_under_the_name_of_another_trial_is_broken(loaded: Loaded, ledger: Ledger) -> None:
    """Numbers of one method must not be reported under another, whatever was copied, edited or mixed up."""
    jobs = loaded.plan.jobs[:4]
    good, swapped, seed, data = (small_project.result(job) for job in jobs)
    origin = data.provenance.model_copy(update={"data_hash": "00"})
    for result in (
        good,
        swapped.model_copy(update={"config": jobs[0].config}),
        seed.model_copy(update={"config": seed.config.model_copy(update={"seed": 77})}),
        data.model_copy(update={"provenance": origin}),
    ):
        ledger.write(result)
    assert ledger.of(jobs) == {good.trial_id: good}
    assert {file.stem for file in ledger.broken} == {job.trial_id for job in jobs[1:]}
    assert f"its contents are of another trial ({jobs[0].config.name})" in ledger.broken.values()
    # Read whole, what is not planned stays, and what is planned is held to the plan all the same.
    assert ledger.whole(jobs[1:]) == {good.trial_id: good}
    assert len(ledger.broken) == 3
    assert [job.trial_id for job in ledger.pending(loaded.plan, Limits())][:3] == [job.trial_id for job in jobs[1:]]


@pytest.mark.parametrize(
    "change",
    [
        {"started": "yesterday"},
        {"seconds": 1e300},
        {"quantities": {"parameters": -5}},
        {"quantities": {"train_seconds": -3.0}},
        {"quantities": {"peak_memory": -1}},
    ],
    ids=str,
)
def test_impossible_results_are_broken(loaded: Loaded, ledger: Ledger, change: dict[str, Any]) -> None:
    (kept,) = _results(loaded, 1)
    raw = json.loads(kept.model_dump_json())
    raw |= {k: raw[k] | v if isinstance(v, dict) else v for k, v in change.items()}
    ledger.write(kept)
    (ledger.folder / f"{kept.trial_id}.json").write_text(json.dumps(raw), encoding="utf-8")
    assert ledger.read() == {} and len(ledger.broken) == 1
