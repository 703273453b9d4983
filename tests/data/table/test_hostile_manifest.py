"""Whatever a person's table and card hold: a table is read, or what is wrong is told; nothing breaks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbench.data.files.problems import DataError
from mmbench.errors import UserError

from .test_manifest import folder_with, read

PLACE = re.compile(r"\b(row|line) \d+")
VALUES_SEEN = (
    *("", " ", "1.png", "2.png", "../1.png", "/etc/passwd", "1.png/x", ".", "..", "~", "a\\b", "C:\\x", "nan", "1e999"),
    *("-0", "1,5", "[1,2]", "[[1],[2,3]]", "[NaN]", "{}", "http://x/y.png", "x.zip/1.png", "train", "tset", "=1+1"),
    *("x" * 300, "\u202e", "\x1b[2J", "<script>", '"', "'", ";", "\n", "\r", "\t", "\0", "\ufeff", "0", "1", "yes"),
)
NASTY = st.one_of(st.sampled_from(VALUES_SEEN), st.text(max_size=8), st.floats().map(str), st.integers().map(str))
KINDS = st.sampled_from(["image", "audio", "video", "text", "vector", "sequence"])
TASKS = st.sampled_from(["classification", "binary", "multilabel", "regression"])
HOSTILE = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def survives(folder: Path) -> None:
    """A table, or a UserError; every problem names its row, in one printable line."""
    try:
        read(folder)
    except DataError as error:
        for problem in error.problems:
            assert PLACE.search(problem.where), problem
            assert str(problem).isprintable(), problem
    except UserError:
        pass


@HOSTILE
@given(
    header=st.lists(st.one_of(st.sampled_from(["m", "y", "p0", "p1", "s", "g", "i"]), NASTY), min_size=1, max_size=8),
    rows=st.lists(st.lists(NASTY, max_size=8), max_size=6),
    kind=KINDS,
    task=TASKS,
    quote=st.booleans(),
)
def test_no_table_breaks_it(
    tmp_path: Path, header: list[str], rows: list[list[str]], kind: str, task: str, quote: bool
) -> None:
    def field(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if quote else value

    text = "\n".join(",".join(map(field, row)) for row in [header, *rows])
    card = {
        "manifest": "m.csv",
        "columns": {"m": kind, "v": {"vector": {"prefix": "p"}}},
        "target": {task: "y"},
        "split": "s",
        "group": "g",
        "id": "i",
    }
    survives(folder_with(tmp_path / "d", text.encode("utf-8", "surrogatepass"), card))


@HOSTILE
@given(data=st.binary(max_size=200), suffix=st.sampled_from(["csv", "jsonl", "json", "parquet", "csv.gz"]), task=TASKS)
def test_no_bytes_break_it(tmp_path: Path, data: bytes, suffix: str, task: str) -> None:
    card = {"manifest": f"m.{suffix}", "columns": {"m": "image"}, "target": {task: "y"}}
    survives(folder_with(tmp_path / "d", data, card))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@HOSTILE
@given(
    samples=st.lists(
        st.fixed_dictionaries({"m": VALUES, "y": VALUES, "s": VALUES, "g": VALUES, "i": VALUES}), max_size=5
    ),
    kind=KINDS,
    task=TASKS,
)
def test_no_json_breaks_it(tmp_path: Path, samples: list[dict[str, Any]], kind: str, task: str) -> None:
    card = {"manifest": "m.jsonl", "columns": {"m": kind}, "target": {task: "y"}, "split": "s", "group": "g", "id": "i"}
    survives(folder_with(tmp_path / "d", "\n".join(map(json.dumps, samples)), card))


@HOSTILE
@given(document=VALUES | st.lists(st.dictionaries(st.sampled_from(["m", "y", "m.a"]), VALUES, max_size=3), max_size=4))
def test_no_document_breaks_it(tmp_path: Path, document: Any) -> None:
    card = {"manifest": {"train": ["m.json", "n.json"], "test": "o.json"}, "columns": {"m": "text"}}
    folder = folder_with(tmp_path / "d", "", {"manifest": "m.json"})
    (folder / "dataset.yaml").write_text(json.dumps(card | {"target": {"multilabel": "y"}}), encoding="utf-8")
    for name, text in (("m", json.dumps(document)), ("n", '[{"m": "a", "y": "b"}]'), ("o", '{"m": 1}\n{"y": 2}')):
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    survives(folder)


@HOSTILE
@given(cut=st.integers(0, 2000), at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_no_broken_parquet_breaks_it(tmp_path: Path, cut: int, at: int, byte: int) -> None:
    stream = pa.BufferOutputStream()
    pq.write_table(pa.table({"m": ["1.png", "2.png", None], "y": ["a", "b", "a"]}), stream)
    data = bytearray(stream.getvalue().to_pybytes())
    data[at % len(data)] = byte
    card = {"manifest": "m.parquet", "columns": {"m": "image"}, "target": {"classification": "y"}}
    survives(folder_with(tmp_path / "d", bytes(data[: len(data) - cut % 20 * (cut % 3 == 0)]), card))
