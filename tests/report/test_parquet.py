"""results.parquet: a versioned schema that the documentation lists, and the way back."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmbench.errors import UserError
from mmbench.report.trials import parquet
from mmbench.report.trials.frame import tidy
from mmbench.schema.metric import METRICS
from mmbench.schema.quantity import GROUP, QUANTITIES, group_of
from mmbench.schema.result import State
from tests.support.factory import OTHERS, TRUTHS, Made, make

DOC = Path(__file__).resolve().parents[2] / "docs" / "results-schema.md"


@pytest.fixture(scope="module")
def made() -> Made:
    truths = {"synergy": TRUTHS["synergy"], "mood": OTHERS["mood"]}
    return make(truths=truths, faults={0: State.FAILED, 1: State.SKIPPED, 2: State.PENDING})


@pytest.fixture
def file(made: Made, tmp_path: Path) -> Path:
    frame = tidy(made.plan, made.results, made.families, {"synergy": "accuracy", "mood": "mae"})
    parquet.write(frame, tmp_path / "results.parquet")
    return tmp_path / "results.parquet"


def test_the_documented_columns_are_those_of_the_file(file: Path) -> None:
    documented = dict(re.findall(r"^\| `([\w<>]+)` \| (\w+) \|", DOC.read_text(encoding="utf-8"), re.MULTILINE))
    frame = pd.read_parquet(file)
    found = {}
    # What other probes measure is named where they are explained.
    elsewhere = {name for name in QUANTITIES if group_of(name) != GROUP}
    for name, kind in frame.dtypes.astype(str).items():
        if name in elsewhere:
            continue
        split, _, metric = str(name).partition("_")
        general = f"{split}_<metric>" if metric in METRICS else str(name)
        found[general] = "string" if kind in ("string", "str", "object") else kind
    assert found == documented
    assert [c for c in frame.columns if c not in elsewhere and c.partition("_")[2] not in METRICS] == [
        c for c in documented if "<" not in c
    ]


def test_what_every_probe_measures_is_named_where_it_is_explained() -> None:
    """`plausibility_METHOD` stands for all that begin so."""
    named = re.findall(r"`(\w+)`", (DOC.parent / "knowledge.md").read_text(encoding="utf-8"))
    starts = tuple(name.removesuffix("METHOD") for name in named if name.endswith("METHOD"))
    missing = [n for n in QUANTITIES if group_of(n) != GROUP and n not in named and not n.startswith(starts)]
    assert starts and missing == []


def test_the_documented_version_is_that_of_the_file(file: Path) -> None:
    version = pq.read_schema(file).metadata[parquet.VERSION_KEY].decode()
    assert version == str(parquet.SCHEMA_VERSION)
    assert f"**{version}**" in DOC.read_text(encoding="utf-8")


def test_every_result_comes_back_but_for_its_curves(made: Made, file: Path) -> None:
    found = {r.trial_id: r for r in parquet.results(parquet.read(file, "f"), "f")}
    assert found.keys() == made.results.keys()
    for trial_id, kept in made.results.items():
        assert found[trial_id] == kept.model_copy(update={"curves": {}, "traceback": None, "limits": {}})


SPLITS = {f"{split}_{name}": pa.float64() for split in ("test", "validation") for name in ("accuracy", "loss")}
OLD_COLUMNS = {
    **dict.fromkeys(("trial_id", "name", "role", "method", "dataset", "attention", "fusion"), pa.string()),
    **dict.fromkeys(("fusion_family", "architecture", "modalities", "baseline"), pa.string()),
    "seed": pa.int64(),
    "state": pa.string(),
    "message": pa.string(),
    **SPLITS,
    "best_epoch": pa.int64(),
    "parameters": pa.int64(),
    "flops": pa.int64(),
    "train_seconds": pa.float64(),
    "seconds_per_epoch": pa.float64(),
    "inference_us": pa.float64(),
    "peak_memory": pa.int64(),
    "seconds": pa.float64(),
    **dict.fromkeys(("started", "data_hash", "fingerprint", "commit"), pa.string()),
    "dirty": pa.bool_(),
    **dict.fromkeys(("versions", "hardware", "metric", "config"), pa.string()),
}
"""Of version 1 of the schema, as it was written before outputs were kept."""
CONFIG = (
    '{"architecture":null,"attention":null,"baseline":"majority","dataset":"small","fusion":null,'
    '"modalities":["left","right"],"model":null,"role":"baseline","seed":0,"train":null}'
)
OLD_ROWS = [
    {
        "trial_id": "0123456789abcdef",
        "name": "majority baseline · small · s0",
        "role": "baseline",
        "method": "majority baseline",
        "dataset": "small",
        "modalities": "left+right",
        "baseline": "majority",
        "seed": 0,
        "state": "done",
        "test_accuracy": 0.53125,
        "test_loss": 0.69,
        "validation_accuracy": 0.5,
        "validation_loss": 0.7,
        "parameters": 2,
        "flops": 0,
        "train_seconds": 0.5,
        "seconds_per_epoch": 0.25,
        "inference_us": 3.25,
        "seconds": 1.5,
        "started": "2026-01-02T03:04:05.678+00:00",
        "data_hash": "d",
        "fingerprint": "f",
        "versions": '{"torch":"2.0"}',
        "hardware": '{"cpu":"old","cores":2}',
        "metric": "accuracy",
        "config": CONFIG,
    },
    {"name": "never", "role": "cell", "dataset": "small", "seed": 0, "state": "skipped", "message": "it cannot be"},
]


def test_a_file_of_version_1_still_reads(tmp_path: Path) -> None:
    arrays = {name: pa.array([row.get(name) for row in OLD_ROWS], kind) for name, kind in OLD_COLUMNS.items()}
    old = pa.table(arrays).replace_schema_metadata({parquet.VERSION_KEY: b"1"})
    pq.write_table(old, tmp_path / "old.parquet")
    frame = parquet.read(tmp_path / "old.parquet", "old.parquet")
    assert list(frame["state"]) == ["done", "skipped"]
    (result,) = parquet.results(frame, "old.parquet")
    assert (result.trial_id, result.config.baseline, result.state) == ("0123456789abcdef", "majority", State.DONE)
    assert result.metrics == {
        "validation": {"accuracy": 0.5, "loss": 0.7},
        "test": {"accuracy": 0.53125, "loss": 0.69},
    }
    assert result.quantities == {
        "parameters": 2,
        "flops": 0,
        "train_seconds": 0.5,
        "seconds_per_epoch": 0.25,
        "inference_us_per_sample": 3.25,
    }
    assert result.provenance.hardware == {"cpu": "old", "cores": 2} and result.measured_on == {}
    assert result.outputs is None and result.seconds == 1.5
    # Written again, it is of the present version and says the same.
    parquet.write(frame, tmp_path / "new.parquet")
    again = parquet.read(tmp_path / "new.parquet", "new.parquet")
    assert list(parquet.results(again, "new.parquet")) == [result]
    lacking = old.drop_columns(["config"])
    pq.write_table(lacking, tmp_path / "lacking.parquet")
    with pytest.raises(UserError, match=r"lacking\.parquet lacks the column config"):
        parquet.read(tmp_path / "lacking.parquet", "lacking.parquet")


def test_a_file_of_another_version_or_kind_is_refused(file: Path, tmp_path: Path) -> None:
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({parquet.VERSION_KEY: b"99"}), tmp_path / "later.parquet")
    with pytest.raises(UserError, match="has version 99 of the schema; this mmbench reads versions 1 to 3"):
        parquet.read(tmp_path / "later.parquet", "later")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(UserError, match="has no schema version"):
        parquet.read(tmp_path / "foreign.parquet", "foreign")
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(UserError, match="is no Parquet file"):
        parquet.read(tmp_path / "text.parquet", "text")
    pq.write_table(table.drop_columns(["config"]), tmp_path / "less.parquet")
    with pytest.raises(UserError, match="lacks the column config"):
        parquet.read(tmp_path / "less.parquet", "less")


def test_a_row_that_is_no_result_is_named(file: Path) -> None:
    frame = parquet.read(file, "f")
    at = frame.index[frame["state"] == "done"][0]
    frame.loc[at, "config"] = "{}"
    with pytest.raises(UserError, match=f"f: trial {frame.loc[at, 'trial_id']} is no valid result: role"):
        list(parquet.results(frame, "f"))
