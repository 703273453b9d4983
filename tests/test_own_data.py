"""Data of a person's own, of every type of target, from files to the report: a clone, cards, `dvc repro`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from mmbench.data.prepare import dataset as prepare
from mmbench.data.prepared import load_arrays
from mmbench.data.split import splits
from mmbench.data.table.table import Table
from mmbench.schema.dataset import load_spec
from tests.support.clone import Clone

SAMPLES = 90
DRAW = np.random.default_rng(0)
PLANTED = DRAW.integers(0, 3, SAMPLES)
"""What all targets are made of."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def numbers(folder: Path) -> dict[str, object]:
    """Regression of two targets from columns of numbers and short texts."""
    rows = pd.DataFrame(
        PLANTED[:, None] + 0.3 * DRAW.standard_normal((SAMPLES, 9)), columns=[f"f{i}" for i in range(9)]
    )
    rows["words"] = [f"number {i} says {['low', 'middle', 'high'][k]}" for i, k in enumerate(PLANTED)]
    rows["dose"], rows["age"] = 10.0 * PLANTED + DRAW.standard_normal(SAMPLES), 40 - 5.0 * PLANTED
    rows.to_csv(folder / "manifest.csv", index=False)
    return {
        "manifest": "manifest.csv",
        "columns": {"features": {"vector": {"prefix": "f"}}, "words": "text"},
        "target": {"regression": ["dose", "age"]},
        "metric": "rmse",
        "splits": {"validation": 0.2, "test": 0.2},
    }


def labels(folder: Path) -> dict[str, object]:
    """Several labels from pictures and texts, in JSON lines."""
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as rows:
        for i, k in enumerate(PLANTED):
            pixels = DRAW.integers(0, 80, (20, 24, 3), dtype=np.uint8) + np.uint8(70 * k)
            Image.fromarray(pixels).save(folder / f"{i}.png")
            row = {"photo": f"{i}.png", "caption": f"picture {i}", "tags": "|".join(["bright", "brighter"][:k])}
            rows.write(json.dumps(row) + "\n")
    return {
        "manifest": "rows.jsonl",
        "columns": {"photo": "image", "caption": "text"},
        "target": {"multilabel": "tags"},
    }


def gaps(folder: Path) -> dict[str, object]:
    """Classes from sounds and sequences, each of which a third of the samples lacks; grouped by speaker."""
    rows = []
    for i, k in enumerate(PLANTED):
        row = {"speaker": f"s{i % 14}", "label": f"class {k}", "sound": "", "steps": ""}
        if i % 3 != 0:
            time = np.arange(3000) / 8000
            soundfile.write(folder / f"{i}.wav", 0.5 * np.sin(2 * np.pi * (300 + 400 * k + i) * time), 8000)
            row["sound"] = f"{i}.wav"
        if i % 3 != 1:
            np.save(folder / f"{i}.npy", (k + DRAW.standard_normal((10 + i % 5, 4))).astype(np.float32))
            row["steps"] = f"{i}.npy"
        rows.append(row)
    pd.DataFrame(rows).to_parquet(folder / "manifest.parquet")
    return {
        "manifest": "manifest.parquet",
        "columns": {"sound": "audio", "steps": "sequence"},
        "target": {"classification": "label"},
        "group": "speaker",
        "splits": {"validation": 0.2, "test": 0.2},
    }


SETS = {"numbers": numbers, "labels": labels, "gaps": gaps}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("own") / "data")
    for name, make in SETS.items():
        folder = made.folder / "data" / "raw" / name
        folder.mkdir(parents=True)
        made.card(name, **make(folder))
    made.settings(
        grid={
            "datasets": list(SETS),
            "attention": ["mean", "scaled_dot_product"],
            "fusion": ["concat"],
            "architecture": ["shared"],
            "seeds": 2,
        },
        train={"epochs": 2},
    )
    made.repro()
    yield made


def test_every_trial_is_done_and_scored_by_its_main_metric(clone: Clone) -> None:
    ledger = clone.ledger()
    assert set(ledger) == set(clone.plan())
    assert {(r.state, r.message) for r in ledger.values()} == {("done", None)}
    main = {"numbers": "rmse", "labels": "macro_f1", "gaps": "accuracy"}
    assert all(main[r.config.dataset] in r.metrics["test"] for r in ledger.values())
    page = (clone.folder / "reports" / "report.html").read_text(encoding="utf-8")
    assert all(trial_id in page for trial_id in ledger)
    told = (clone.folder / "reports" / "report.md").read_text(encoding="utf-8")
    assert "RMSE" in told and "macro-F1" in told


def test_numbers_are_told_in_their_own_units(clone: Clone) -> None:
    spec = load_spec(clone.folder / "data" / "prepared" / "numbers")
    assert spec.scale is not None and spec.task.targets == ("dose", "age")
    train = load_arrays(clone.folder / "data" / "prepared" / "numbers", "train")["label"]
    assert spec.scale.mean == pytest.approx(train.mean(0), rel=1e-5)
    scored = {r.config.cell: r.metrics["test"] for r in clone.ledger().values() if r.config.dataset == "numbers"}
    assert scored["linear baseline"]["rmse"] < 0.5 * scored["majority baseline"]["rmse"]
    assert spec.chance == pytest.approx(scored["majority baseline"]["rmse"], rel=0.2)


def test_what_is_missing_is_masked_in_every_split(clone: Clone) -> None:
    folder = clone.folder / "data" / "prepared" / "gaps"
    spec = load_spec(folder)
    assert {name: round(m.missing, 2) for name, m in spec.modalities.items()} == {"sound": 0.33, "steps": 0.33}
    for split in ("train", "validation", "test"):
        arrays = load_arrays(folder, split)
        for name in ("sound", "steps"):
            absent = ~arrays[f"{name}.mask"].any(1)
            assert 0 < absent.sum() < len(absent)
            assert not arrays[name][absent].any()


def score(table: Table, chosen: np.ndarray, made: pd.DataFrame) -> float:
    """The main metric of predicted rows, by scikit-learn alone."""
    truth, targets = table.labels[chosen], list(table.task.targets)
    if table.task.kind == "regression":
        return float(root_mean_squared_error(truth, made[[f"prediction.{t}" for t in targets]]))
    if table.task.kind == "multilabel":
        said = [str(p).split("|") for p in made["prediction"].fillna("")]
        guess = np.array([[t in labels for t in targets] for labels in said])
        return float(f1_score(truth, guess, average="macro", zero_division=0))
    return float(accuracy_score([targets[i] for i in truth], made["prediction"]))


def test_champions_of_every_kind_predict_the_manifest_with_the_scores_of_the_ledger(clone: Clone) -> None:
    done = clone.run("mmbench", "champion")
    assert done.returncode == 0 and done.stdout.count("the same when trained again") == len(SETS), done.stderr
    for name in SETS:
        raw = prepare.read(name, clone.folder / "data" / "raw")
        table = raw.table()
        chosen = np.flatnonzero(splits.assign(table, raw.card.splits) == "test")
        manifest = clone.folder / "data" / "raw" / name / str(raw.card.manifest)
        out = clone.folder / f"{name}.parquet"
        uri = f"models:/mmbench-{name}@champion"
        done = clone.run("mmbench", "predict", "--model", uri, str(manifest), "--out", str(out))
        assert done.returncode == 0, done.stderr
        made = pd.read_parquet(out)
        assert made["error"].isna().all()
        kept = [r for r in clone.ledger().values() if r.config.dataset == name and r.config.role != "baseline"]
        metric = "rmse" if name == "numbers" else "macro_f1" if name == "labels" else "accuracy"
        best = (min if metric == "rmse" else max)(r.metrics["validation"][metric] for r in kept)
        expected = [r.metrics["test"][metric] for r in kept if r.metrics["validation"][metric] == best]
        found = score(table, chosen, made.iloc[chosen])
        assert any(found == pytest.approx(e, rel=1e-5) for e in expected), (name, found, expected)


def test_only_what_changed_is_prepared_and_trained_again(clone: Clone) -> None:
    assert "Data and pipelines are up to date" in clone.repro()
    before = clone.ledger()
    prepared = clone.folder / "data" / "prepared"
    stamps = {name: (prepared / name / "spec.json").stat().st_mtime_ns for name in SETS}
    Image.new("RGB", (20, 24), (9, 200, 9)).save(clone.folder / "data" / "raw" / "labels" / "7.png")
    clone.repro()
    changed = {name for name in SETS if (prepared / name / "spec.json").stat().st_mtime_ns != stamps[name]}
    assert changed == {"labels"}
    new = {i: r for i, r in clone.ledger().items() if i not in before}
    assert {r.config.dataset for r in new.values()} == {"labels"}
    assert len(new) == sum(r.config.dataset == "labels" for r in before.values())


def test_a_broken_file_stops_its_data_set_with_file_and_row(clone: Clone) -> None:
    broken = clone.folder / "data" / "raw" / "gaps" / "1.wav"
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    try:
        done = clone.run("dvc", "repro", "prepare@gaps")
        assert done.returncode != 0
        told = done.stdout + done.stderr
        assert "manifest.parquet row 2" in told and "1.wav" in told and "Traceback" not in told
        assert load_spec(clone.folder / "data" / "prepared" / "labels").name == "labels"
    finally:
        broken.write_bytes(whole)
