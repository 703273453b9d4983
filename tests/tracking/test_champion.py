"""Champions in a real MLflow: what is chosen, what lies in the model, and whether it predicts as the trial did."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from PIL import Image
from safetensors.torch import load, save

from mmbench.champion.choose import choose
from mmbench.cli import main
from mmbench.cli.champion import _too_briefly
from mmbench.cli.project import Loaded
from mmbench.data.prepared import load_arrays
from mmbench.schema.outputs import digest
from mmbench.tracking import open_store
from mmbench.tracking.champion import fetch
from mmbench.tracking.run import LAYOUT
from mmbench.tracking.server import _end, free_port
from mmbench.tracking.store import tracking_uri
from tests.support import small_project, trained_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def crowned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Loaded]]:
    """A project with a real ledger, its champions registered."""
    root = tmp_path_factory.mktemp("crowned")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        loaded = trained_project.make(root)
        assert main(["champion", "--root", str(root)]) == 0
        yield root, loaded


def test_rows(root: Path) -> pd.DataFrame:
    rows = pd.read_csv(root / "data" / "raw" / trained_project.NAME / "manifest.csv")
    return rows[rows["part"] == "test"].reset_index(drop=True)


test_rows.__test__ = False  # type: ignore[attr-defined]

CLEAN = """
import json, os, pickle, sys

import mlflow
import pandas as pd

def never(*args, **kwargs):
    raise AssertionError("something is unpickled")

import cloudpickle, joblib, torch
for module in (pickle, cloudpickle):
    module.load = module.loads = never
class Canary(pickle.Unpickler):
    load = never

pickle.Unpickler, torch.load, joblib.load = Canary, never, never
model = mlflow.pyfunc.load_model(sys.argv[1])
rows = pd.read_json(sys.argv[2], lines=True, orient="records")
print(model.predict(rows).to_json(orient="records"))
"""


def clean_process(root: Path, uri: str, rows: Path, folder: Path | None) -> list[dict[str, Any]]:
    """Predictions by `mlflow.pyfunc.load_model` in a process of its own, in which nothing can be unpickled."""
    named = {} if folder is None else {"MMBENCH_ROOT": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", CLEAN, uri, str(rows)],
        env=os.environ | named | {"MLFLOW_TRACKING_URI": tracking_uri(root), "PYTHONPATH": str(small_project.ROOT)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_champion_predicts_files_with_the_accuracy_of_the_ledger(
    crowned: tuple[Path, Loaded], tmp_path: Path
) -> None:
    root, loaded = crowned
    spec = loaded.specs[trained_project.NAME]
    kept = loaded.results[choose(loaded.plan, loaded.results, spec).trial_id]
    rows = test_rows(root)
    rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    made = clean_process(
        root, "models:/mmbench-seen@champion", tmp_path / "rows.jsonl", root / "data" / "raw" / trained_project.NAME
    )
    assert [m["error"] for m in made] == [None] * len(rows)
    right = sum(m["prediction"] == truth for m, truth in zip(made, rows["kind"], strict=True))
    assert right / len(rows) == kept.metrics["test"]["accuracy"]
    assert all(abs(sum(v for k, v in m.items() if k.startswith("probability.")) - 1) < 1e-9 for m in made)


@pytest.mark.exhaustive
def test_a_champion_of_arrays_predicts_with_the_accuracy_of_the_ledger(
    crowned: tuple[Path, Loaded], tmp_path: Path
) -> None:
    root, loaded = crowned
    spec = loaded.specs["small"]
    kept = loaded.results[choose(loaded.plan, loaded.results, spec).trial_id]
    arrays = load_arrays(root / "data" / "prepared" / "small", "test")
    rows = pd.DataFrame({m: arrays[m].tolist() for m in spec.modalities})
    rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, double_precision=15)
    made = clean_process(root, "models:/mmbench-small@champion", tmp_path / "rows.jsonl", None)
    truth = [spec.task.targets[i] for i in arrays["label"]]
    right = sum(m["prediction"] == t for m, t in zip(made, truth, strict=True))
    assert right / len(truth) == kept.metrics["test"]["accuracy"]


def test_no_file_of_a_model_is_a_pickle(crowned: tuple[Path, Loaded]) -> None:
    root, _ = crowned
    folder = fetch("models:/mmbench-seen@champion", root).parents[1]
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} <= {"", ".json", ".safetensors", ".py", ".yaml", ".txt"}
    # Texts of MLflow, the latter beside a model that was fetched.
    assert {f.name for f in files if not f.suffix} <= {"MLmodel", "registered_model_meta"}
    assert not [f for f in files if f.read_bytes()[:1] == b"\x80"]
    flavour = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))["flavors"]["python_function"]
    assert Path(flavour["model_code_path"]).name == "pyfunc.py"
    assert "python_model" not in flavour


def test_the_second_time_nothing_is_trained(
    crowned: tuple[Path, Loaded], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, loaded = crowned
    monkeypatch.setattr("mmbench.champion.restore.load_model", None)
    monkeypatch.setattr("mmbench.champion.restore.run", None)
    capsys.readouterr()
    assert main(["champion", "--root", str(root), "seen"]) == 0
    said = capsys.readouterr()
    assert "models:/mmbench-seen@champion is this model already (version 1)" in said.out
    assert "warning: seen: models were trained too briefly to rank them: " in said.err
    long = replace(loaded, results={i: r for i, r in loaded.results.items() if r.best_epoch is None})
    assert _too_briefly(loaded, "seen") and not _too_briefly(long, "seen"), "no trained model, nothing to say"
    assert main(["champion", "--root", str(root), "sen"]) == 1
    assert "unknown data set 'sen'; did you mean 'seen'?" in capsys.readouterr().err
    store = open_store(loaded.params.tracking, root)
    assert len(store.client.search_model_versions("name = 'mmbench-seen'")) == 1


def test_the_model_hangs_on_its_trial_and_the_summary_tells_of_it(crowned: tuple[Path, Loaded]) -> None:
    root, loaded = crowned
    job = choose(loaded.plan, loaded.results, loaded.specs["seen"])
    store = open_store(loaded.params.tracking, root)
    version = store.client.get_model_version_by_alias("mmbench-seen", "champion")
    assert version.tags["trial_id"] == job.trial_id
    assert version.tags["origin"] == "weights" and "reproduced" not in version.tags
    assert (
        "It has the weights that were kept; on test they give the ledger's outputs bit by bit." in version.description
    )
    assert "trained again" not in version.description
    run = store.client.get_run(version.run_id)
    assert run.data.tags["trial_id"] == job.trial_id
    assert run.info.status == "FINISHED"
    assert run.info.end_time == run.info.start_time + round(loaded.results[job.trial_id].seconds * 1000)
    (summary,) = store.client.search_runs([store.experiment_id], filter_string="tags.role = 'summary'")
    assert job.config.cell in summary.data.tags["mlflow.note.content"]
    folder = Path(store.client.download_artifacts(summary.info.run_id, "champions/seen"))
    counts = pd.read_csv(folder / "confusion.csv", index_col="truth")
    accuracy = sum(counts.loc[t, t] for t in counts.columns) / counts.to_numpy().sum()
    assert accuracy == loaded.results[job.trial_id].metrics["test"]["accuracy"]
    assert (folder / "confusion.png").stat().st_size > 5000


def commands(description: str) -> list[list[str]]:
    return [block.splitlines() for block in re.findall(r"```sh\n(.*?)```", description, re.DOTALL)]


@pytest.mark.parametrize("name", ["seen", "small"])
def test_the_row_in_a_models_description_is_predicted(
    crowned: tuple[Path, Loaded], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a person does who pastes the two lines, in the project's folder."""
    root, loaded = crowned
    store = open_store(loaded.params.tracking, root)
    description = store.client.get_registered_model(f"mmbench-{name}").description
    (write, predict), serve, ask = commands(description)
    assert serve[0].startswith("MMBENCH_ROOT=FOLDER mlflow models serve") and ask[0].startswith("curl ")
    assert "Without `MMBENCH_ROOT` the server reads no file at all" in description
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", write], cwd=tmp_path, check=True, env=environment)
    if name == "seen":
        assert "samples" not in description and "img/" not in description
        Image.new("RGB", (24, 20), "red").save(tmp_path / "photo.png")
    monkeypatch.chdir(root)
    words = [str(tmp_path / "rows.jsonl") if w == "rows.jsonl" else w for w in shlex.split(predict)[1:]]
    assert main([*words, "--out", str(tmp_path / "made.csv")]) == 0
    made = pd.read_csv(tmp_path / "made.csv")
    assert made["prediction"].iloc[0] in loaded.specs[name].task.targets and made["error"].isna().all()


@pytest.mark.slow
def test_a_champion_whose_run_was_written_anew_is_registered_with_the_new_one(
    crowned: tuple[Path, Loaded],
) -> None:
    root, loaded = crowned
    store = open_store(loaded.params.tracking, root)
    before = store.client.get_model_version_by_alias("mmbench-small", "champion")
    store.client.set_tag(before.run_id, "layout", "1")
    assert main(["champion", "--root", str(root), "small"]) == 0
    after = store.client.get_model_version_by_alias("mmbench-small", "champion")
    assert (int(after.version), after.tags["trial_id"]) == (int(before.version) + 1, before.tags["trial_id"])
    run = store.client.get_run(after.run_id)
    assert run.info.lifecycle_stage == "active" and run.data.tags["layout"] == LAYOUT


@pytest.mark.slow
def test_without_usable_weights_it_is_trained_again_and_that_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    loaded = trained_project.make(tmp_path)
    job = choose(loaded.plan, loaded.results, loaded.specs["small"])
    kept, ledger = loaded.results[job.trial_id], loaded.ledger
    outputs = ledger.outputs_file(job.trial_id).read_bytes()
    weights = ledger.weights_file(job.trial_id)
    tensors = load(weights.read_bytes())
    store = open_store(loaded.params.tracking, tmp_path)

    def champion() -> tuple[str, dict[str, str]]:
        capsys.readouterr()
        assert main(["champion", "--root", str(tmp_path), "small"]) == 0
        return capsys.readouterr().out, store.client.get_model_version_by_alias("mmbench-small", "champion").tags

    # A file that the trial does not name is not used.
    weights.write_bytes(b"spoilt")
    said, tags = champion()
    assert "the same when trained again; models:/mmbench-small@champion (version 1)" in said
    assert (tags["origin"], tags["reproduced"]) == ("retraining", "yes")

    # Nor are weights that give other outputs than the trial left behind: those of another model.
    other = {name: value * 1.5 for name, value in tensors.items()}
    named = kept.model_copy(update={"weights": digest(save(other)), "seconds": kept.seconds + 1})
    measured = ledger.measured({job.trial_id: kept})[job.trial_id]
    ledger.write(named, outputs, measured, save(other))
    said, tags = champion()
    assert "the same when trained again; models:/mmbench-small@champion (version 2)" in said

    # A trial from before outputs were kept, whose scores are others now.
    scores = kept.metrics | {"test": kept.metrics["test"] | {"accuracy": 0.123}}
    ledger.write(kept.model_copy(update={"metrics": scores, "outputs": None, "weights": None}))
    said, tags = champion()
    assert f"but {kept.metrics['test']['accuracy']:.3f} on test when trained again" in said
    assert (tags["origin"], tags["reproduced"]) == ("retraining", "no")


def no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def post(url: str, body: object) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{url}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer, parse_constant=no_json)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def scoring(crowned: tuple[Path, Loaded], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own scoring server with the champion of `seen`, on loopback."""
    root, _ = crowned
    port = free_port("127.0.0.1", None)
    log = tmp_path_factory.mktemp("log") / "server"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": tracking_uri(root),
        "MMBENCH_ROOT": str(root / "data" / "raw" / trained_project.NAME),
        "PYTHONPATH": str(small_project.ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", "models:/mmbench-seen@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd="/", stdout=output, stderr=output, start_new_session=True
        )
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
            while True:
                try:
                    with urllib.request.urlopen(f"{url}/ping", timeout=2):
                        break
                except OSError:
                    assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
                    time.sleep(0.3)
            yield url
        finally:
            _end(process)


@pytest.mark.exhaustive
def test_mlflows_scoring_server_predicts_rows(crowned: tuple[Path, Loaded], scoring: str) -> None:
    root, loaded = crowned
    spec = loaded.specs["seen"]
    kept = loaded.results[choose(loaded.plan, loaded.results, spec).trial_id]
    rows = test_rows(root)
    status, answer = post(scoring, {"dataframe_records": json.loads(rows.to_json(orient="records"))})
    assert status == 200
    made = answer["predictions"]
    right = sum(m["prediction"] == truth for m, truth in zip(made, rows["kind"], strict=True))
    assert right / len(rows) == kept.metrics["test"]["accuracy"]

    wrong = json.loads(rows.head(4).to_json(orient="records"))
    wrong[0]["file"] = "../../../params.yaml"
    wrong[1]["file"] = "manifest.csv"
    wrong[2]["file"] = [[[200, 200, 200]] * 24] * 20
    status, answer = post(scoring, {"dataframe_records": wrong})
    assert status == 200
    made = answer["predictions"]
    assert "leads out of the data set's folder" in made[0]["error"]
    assert "is not an image that can be read" in made[1]["error"]
    assert made[0]["prediction"] is None
    assert [m["error"] for m in made[2:]] == [None, None]
    assert made[2]["prediction"] in spec.task.targets

    status, answer = post(scoring, {"dataframe_records": [{"caption": "low", "f0": 1, "f1": 1, "f2": 1}]})
    assert status == 400
    assert "has no column 'file', which the model reads as photo" in answer["message"]


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_question_in_a_models_description_is_answered(
    crowned: tuple[Path, Loaded], scoring: str, tmp_path: Path
) -> None:
    root, loaded = crowned
    description = open_store(loaded.params.tracking, root).client.get_registered_model("mmbench-seen").description
    (write, _), _, ask = commands(description)
    Image.new("RGB", (24, 20), "red").save(root / "data" / "raw" / trained_project.NAME / "photo.png")
    asked = "\n".join(ask).replace("http://127.0.0.1:5001", scoring)
    assert asked != "\n".join(ask)
    script = f"{write}\n{asked}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    (made,) = json.loads(done.stdout)["predictions"]
    assert made["error"] is None and made["prediction"] in loaded.specs["seen"].task.targets
