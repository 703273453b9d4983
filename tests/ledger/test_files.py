"""The files of a trial: written together, read together, safe whatever is in them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from mmbench.cli.project import Loaded
from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema.measured import Measured, MeasuredMetric, MeasuredProbe
from mmbench.schema.outputs import Outputs, OutputsError, digest, split_outputs
from mmbench.schema.plan import Limits
from mmbench.schema.result import State
from mmbench.schema.task import TaskKind, task_of
from mmbench.sweep.files import TrialFiles
from mmbench.sweep.measure import Wanted, measure_all_metrics
from tests.support import small_project

LABELS: dict[TaskKind, Callable[[int, int], np.ndarray]] = {
    "classification": lambda n, k: np.arange(n) % k,
    "binary": lambda n, k: np.arange(n) % 2,
    "multilabel": lambda n, k: (np.arange(n)[:, None] + np.arange(k)) % 2,
    "regression": lambda n, k: np.arange(n)[:, None] * np.ones(k) / 7,
}


def outputs(kind: TaskKind = "classification", n: int = 20, k: int = 2) -> Outputs:
    task = task_of(kind, [f"t{i}" for i in range(k)])
    draw = np.random.default_rng(0)
    parts = {s: split_outputs(task, draw.normal(size=(n, k)), LABELS[kind](n, k)) for s in ("validation", "test")}
    return Outputs(task=task, splits=parts)


def files(loaded: Loaded, i: int = 0) -> TrialFiles:
    """Of a trial that is done, with outputs, measured values and weights."""
    job = loaded.plan.jobs[i]
    content, weights = outputs().to_bytes(), b"weights " * 100
    kept, held = digest(content), digest(weights)
    result = small_project.result(job).bare().model_copy(update={"outputs": kept, "weights": held})
    scores = outputs().scores()
    metrics = {
        name: MeasuredMetric(fingerprint="m", values={split: by[name] for split, by in scores.items()})
        for name in scores["test"]
    }
    probes = {"cost": MeasuredProbe(fingerprint="p", values={"parameters": 12}, model="training")}
    measured = Measured(trial_id=job.trial_id, outputs=kept.sha256, metrics=metrics, probes=probes)
    return TrialFiles(result=result, outputs=content, measured=measured, weights=weights)


def write(ledger: Ledger, made: TrialFiles) -> str:
    ledger.write(made.result, made.outputs, made.measured, made.weights)
    return made.result.trial_id


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return small_project.read(small_project.make(tmp_path_factory.mktemp("files")))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.mark.parametrize("kind", LABELS)
def test_outputs_come_back_from_their_bytes(kind: TaskKind) -> None:
    made = outputs(kind)
    back = Outputs.from_bytes(made.to_bytes())
    assert back.task == made.task and back.to_bytes() == made.to_bytes()
    assert back.scores() == made.scores()
    for split in made.splits:
        assert np.array_equal(back.splits[split].outputs, made.splits[split].outputs)
        assert np.array_equal(back.labels(split), made.labels(split))
    assert made.splits["test"].rows.tolist() == list(range(20))


def test_predictions_are_probabilities_without_overflow() -> None:
    task = task_of("multilabel", "ab")
    part = split_outputs(task, np.array([[0.0, 3e38], [-3e38, -1.0]]), np.array([[1, 1], [0, 0]]))
    found = Outputs(task=task, splits={"test": part}).predictions("test")
    assert found[0].tolist() == [0.5, 1.0] and found[1, 0] == 0 and 0.2 < found[1, 1] < 0.3


def _broken() -> dict[str, bytes]:
    made = outputs()
    arrays = {f"{s}.{n}": a for s, part in made.splits.items() for n, a in vars(part).items()}
    metadata = {"task": made.task.model_dump_json()}
    nan = arrays["test.outputs"].copy()
    nan[0, 0] = np.nan
    return {
        "cut off": made.to_bytes()[:-7],
        "header": b"\xff" * 64,
        "no task": save(arrays),
        "not finite": save(arrays | {"test.outputs": nan}, metadata),
        "outputs are float64": save(arrays | {"test.outputs": nan.astype(np.float64)}, metadata),
        "rows are missing": save({k: v for k, v in arrays.items() if k != "test.rows"}, metadata),
        "labels are not within": save(arrays | {"test.labels": np.full(20, 9, np.uint8)}, metadata),
        "one whole number per sample": save(arrays | {"test.rows": np.zeros(3, np.uint8)}, metadata),
    }


@pytest.mark.parametrize("what", _broken())
def test_broken_outputs_are_refused_with_the_reason(what: str) -> None:
    with pytest.raises(OutputsError) as caught:
        Outputs.from_bytes(_broken()[what])
    if what not in ("cut off", "header"):
        assert what in str(caught.value)


def test_a_trial_reads_complete(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    trial_id = write(ledger, made)
    assert ledger.read() == {trial_id: made.complete}
    assert ledger.read()[trial_id].quantities["parameters"] == 12
    assert ledger.outputs(trial_id).scores() == made.complete.metrics
    assert json.loads(ledger.json_file(trial_id).read_bytes())["metrics"] == {}
    assert not ledger.broken and not ledger.notes


def test_without_measurements_the_scores_come_from_the_outputs(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    trial_id = write(ledger, made)
    ledger.measured_file(trial_id).unlink()
    assert ledger.read()[trial_id].metrics == made.complete.metrics
    ledger.measured_file(trial_id).write_text("{")
    assert ledger.read()[trial_id].metrics == made.complete.metrics
    assert "is no record of measurements" in ledger.notes[ledger.measured_file(trial_id)]
    for change, said in (({"trial_id": "0" * 16}, f"is of the trial {'0' * 16}"), ({"outputs": "0"}, "is of other")):
        ledger.measured_file(trial_id).write_text(made.measured.model_copy(update=change).model_dump_json())
        assert ledger.read()[trial_id].metrics == made.complete.metrics
        assert said in ledger.notes[ledger.measured_file(trial_id)]


def test_a_json_without_its_outputs_counts_as_not_finished(loaded: Loaded, ledger: Ledger) -> None:
    one, two, three = (write(ledger, files(loaded, i)) for i in range(3))
    ledger.outputs_file(one).unlink()
    ledger.outputs_file(two).write_bytes(b"short")
    content = bytearray(ledger.outputs_file(three).read_bytes())
    content[-1] ^= 1
    ledger.outputs_file(three).write_bytes(content)
    assert set(ledger.read()) == {three}, "the digest is checked where the outputs are read"
    assert "are missing" in ledger.broken[ledger.json_file(one)] and "5 bytes" in ledger.broken[ledger.json_file(two)]
    assert {one, two} <= {job.trial_id for job in ledger.pending(loaded.plan, Limits())}
    with pytest.raises(UserError, match="are others than its JSON names"):
        ledger.outputs(three)


def test_what_no_json_names_is_swept_up_and_forgotten_together(loaded: Loaded, ledger: Ledger) -> None:
    one, two = (write(ledger, files(loaded, i)) for i in range(2))
    ledger.json_file(one).unlink()
    assert set(ledger.read()) == {two} and not ledger.broken
    with ledger.lock():
        pass
    assert {f.name.split(".")[0] for f in ledger.folder.iterdir()} == {two}
    assert ledger.forget(State.DONE) == [two]
    assert not list(ledger.folder.iterdir()) and not ledger.weights_file(two).exists()


def test_a_metric_that_is_not_installed_is_no_reason_to_train_again(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    assert made.measured is not None
    foreign = {"brier": MeasuredMetric(fingerprint="m", values={"test": 42.0})}
    trial_id = write(ledger, TrialFiles(**{**vars(made), "measured": made.measured.updated(metrics=foreign)}))
    assert ledger.read()[trial_id].metrics["test"]["brier"] == 42
    assert not ledger.broken and "not installed here: brier" in ledger.notes[ledger.json_file(trial_id)]


OLD = """{
 "trial_id": "0123456789abcdef",
 "config": {"role": "baseline", "dataset": "small", "modalities": ["left", "right"], "attention": null, "fusion": null,
  "architecture": null, "baseline": "majority", "seed": 0, "model": null, "train": null},
 "state": "done", "message": null, "traceback": null,
 "metrics": {"validation": {"accuracy": 0.5, "loss": 0.7}, "test": {"accuracy": 0.53125, "loss": 0.69}},
 "best_epoch": null, "curves": {},
 "cost": {"parameters": 2, "flops": 0, "train_seconds": 0.5, "seconds_per_epoch": 0.5, "inference_us_per_sample": 3.25,
  "peak_memory": null},
 "started": "2026-01-02T03:04:05.678+00:00", "seconds": 1.5, "limits": {"seconds": 600.0, "memory_gb": null},
 "unrepeatable": null,
 "provenance": {"data_hash": "d", "fingerprint": "f", "commit": null, "dirty": null, "versions": {}, "hardware": {}}
}
"""


def test_a_ledger_from_before_outputs_were_kept_reads_as_before(ledger: Ledger) -> None:
    ledger.folder.mkdir()
    ledger.json_file("0123456789abcdef").write_text(OLD, encoding="utf-8")
    (result,) = ledger.read().values()
    assert result.metrics["test"] == {"accuracy": 0.53125, "loss": 0.69}
    assert result.quantities == {
        "parameters": 2,
        "flops": 0,
        "train_seconds": 0.5,
        "seconds_per_epoch": 0.5,
        "inference_us_per_sample": 3.25,
    }
    assert ledger.measured(ledger.read()) == {}
    with pytest.raises(UserError, match="is from before outputs were kept"):
        ledger.outputs("0123456789abcdef")


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
from mmbench.ledger.store import Ledger
from mmbench.schema.measured import Measured
from mmbench.schema.result import TrialResult

folder, at = Path(sys.argv[1]), int(sys.argv[2])
ledger = Ledger(folder / "ledger")
result = TrialResult.model_validate_json((folder / "given" / "result").read_bytes())
measured = Measured.model_validate_json((folder / "given" / "measured").read_bytes())
steps, replace, unlink = 0, Path.replace, Path.unlink

def step():
    global steps
    if steps == at:
        os.kill(os.getpid(), signal.SIGKILL)
    steps += 1

def stepping(function):
    def run(self, *rest, **options):
        step()
        done = function(self, *rest, **options)
        return done
    return run

Path.replace, Path.unlink = stepping(replace), stepping(unlink)
ledger.write(result, (folder / "given" / "outputs").read_bytes(), measured, (folder / "given" / "weights").read_bytes())
print(steps)
"""


def kill_at(step: int, folder: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(small_project.ROOT)}
    words = [sys.executable, "-c", KILLED, str(folder), str(step)]
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("before", ["nothing", "other outputs"])
def test_killed_between_any_two_writes_nothing_half_counts_as_finished(
    loaded: Loaded, tmp_path: Path, before: str
) -> None:
    """Real processes, each ended by SIGKILL just before one of the steps in which files come or go."""
    made = files(loaded)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "result").write_text(made.result.model_dump_json())
    assert made.measured is not None and made.outputs is not None and made.weights is not None
    (tmp_path / "given" / "measured").write_text(made.measured.model_dump_json())
    (tmp_path / "given" / "outputs").write_bytes(made.outputs)
    (tmp_path / "given" / "weights").write_bytes(made.weights)
    ledger, trial_id = Ledger(tmp_path / "ledger"), made.result.trial_id
    other = outputs(n=20)
    swapped = Outputs(task=other.task, splits=dict.fromkeys(other.splits, other.splits["test"])).to_bytes()
    assert len(swapped) == len(made.outputs), "of the same size, so that only the order of steps tells them apart"
    steps, codes = 0, []
    while True:
        if before != "nothing":
            kept = digest(swapped)
            old = made.result.model_copy(update={"outputs": kept, "weights": None})
            ledger.write(old, swapped, Measured(trial_id=trial_id, outputs=kept.sha256))
        done = kill_at(steps, tmp_path)
        codes.append(done.returncode)
        found = ledger.read()
        assert not ledger.broken
        for result in found.values():
            assert ledger.outputs(trial_id).scores() == result.metrics, (
                "never the outputs of one, the JSON of the other"
            )
        with ledger.lock():
            assert set(ledger.read()) == set(found)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        steps += 1
    assert len(codes) >= 5, "weights, outputs, measured values and the JSON: as many steps at least"
    assert ledger.read() == {trial_id: made.complete}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_leaves_the_ledger_as_it_was(
    loaded: Loaded, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file but the first fails with ENOSPC, as a disk that fills up lets it."""
    one = write(ledger, files(loaded, 0))
    fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 1:
            with Path("/dev/full").open("wb", buffering=0) as device:
                device.write(b"x")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="the disk is full"):
        write(ledger, files(loaded, 1))
    monkeypatch.undo()
    assert set(ledger.read()) == {one} and not ledger.broken


def test_a_read_only_ledger_is_read_whole_and_refuses_what_is_new(loaded: Loaded, small_disk: Path) -> None:
    ledger = Ledger(small_disk / "ledger")
    made = files(loaded)
    assert made.measured is not None
    trial_id = write(ledger, made)
    before = {f: f.read_bytes() for f in sorted(small_disk.rglob("*")) if f.is_file()}
    assert len(before) == 4
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UserError, match=r"cannot be written \(Read-only file system\)"), ledger.lock():
        pass
    assert ledger.read() == {trial_id: made.complete}
    assert ledger.measured(ledger.read()) == {trial_id: made.measured}
    assert ledger.outputs(trial_id).to_bytes() == made.outputs
    assert ledger.weights_of(made.result) == made.weights
    with pytest.raises(UserError, match="cannot be written"):
        ledger.write_measured(made.measured.updated(metrics={}))
    with pytest.raises(UserError, match="cannot be written"):
        write(ledger, files(loaded, 1))
    with pytest.raises(UserError, match="cannot be written"):
        ledger.forget(State.DONE)
    assert {f: f.read_bytes() for f in sorted(small_disk.rglob("*")) if f.is_file()} == before


def test_where_a_probe_was_measured_is_told_where_it_is_another_machine(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    assert made.measured is not None
    here, there = made.result.provenance.hardware, {"cpu": "another", "cores": 64}
    values = {"parameters": 12, "inference_us_per_sample": 1.5}
    for hardware, expected in ((here, {}), (None, {}), (there, {"inference_us_per_sample": there})):
        probe = MeasuredProbe(fingerprint="p", values=values, model="weights", hardware=hardware)
        ledger.write(made.result, made.outputs, made.measured.updated(probes={"cost": probe}), made.weights)
        (result,) = ledger.read().values()
        assert result.measured_on == expected, "a number that is the same everywhere has no machine"
        assert result.bare().measured_on == {}
    assert json.loads(ledger.json_file(result.trial_id).read_bytes())["measured_on"] == {}


def test_results_that_name_other_files_than_are_given_are_refused(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    with pytest.raises(ValueError, match="names other outputs than are given"):
        ledger.write(made.result, b"others", made.measured, made.weights)
    assert not ledger.folder.exists()


def test_weights_that_cannot_be_written_cost_no_trial(loaded: Loaded, ledger: Ledger) -> None:
    made = files(loaded)
    assert made.weights is not None
    ledger.weights_file(made.result.trial_id).parent.write_text("no folder", encoding="utf-8")
    trial_id = write(ledger, made)
    kept = ledger.read()[trial_id]
    assert kept.weights is None and kept.metrics == made.complete.metrics
    assert "is a file where the ledger needs a folder" in str(ledger.without_weights)


def test_damaged_outputs_cost_their_trial_alone_when_a_metric_is_added(loaded: Loaded, ledger: Ledger) -> None:
    first, second = (write(ledger, files(loaded, i)) for i in range(2))
    content = bytearray(ledger.outputs_file(first).read_bytes())
    content[-1] ^= 1
    ledger.outputs_file(first).write_bytes(content)
    lacking = {i: Wanted(metrics={"accuracy": "a new fingerprint"}, probes={}) for i in (first, second)}
    assert set(measure_all_metrics(ledger, ledger.read(), lacking)) == {first, second}
    assert (
        "SHA-256" in ledger.broken[ledger.json_file(first)]
        and "delete the file" in ledger.broken[ledger.json_file(first)]
    )
    assert ledger.measured(ledger.read())[second].metrics["accuracy"].fingerprint == "a new fingerprint"


def test_a_file_that_is_no_regular_file_is_not_read(loaded: Loaded, ledger: Ledger) -> None:
    trial_id = write(ledger, files(loaded))
    ledger.json_file(trial_id).unlink()
    ledger.json_file(trial_id).symlink_to("/dev/zero")
    assert ledger.read() == {}
    assert "no regular file" in ledger.broken[ledger.json_file(trial_id)]


def test_no_result_is_pending(loaded: Loaded, ledger: Ledger) -> None:
    trial_id = write(ledger, files(loaded))
    file = ledger.json_file(trial_id)
    file.write_text(file.read_text(encoding="utf-8").replace('"state": "done"', '"state": "pending"'), encoding="utf-8")
    assert ledger.read() == {}
    assert "no trial ends so" in ledger.broken[file]


def test_a_ledger_may_be_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "ledger"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert Ledger(Path()).weights == tmp_path / "data" / "weights"
    assert Ledger(Path()).read() == {}
