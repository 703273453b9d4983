"""One row that a model takes, made of nothing: no sample of the data may leave with a model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from math import prod
from typing import Any

from mmbench.champion.inputs import InputBuilder
from mmbench.data.prepare.readers import Reader

ENDINGS = {"image": ".png", "audio": ".wav", "video": ".mp4"}
SHOWN = 32
"""Numbers that are written out. More come from a line of Python."""


def command(builder: InputBuilder) -> str:
    """The line for a shell that writes the row to rows.jsonl, one value for each column."""
    shapes: dict[str, tuple[tuple[int, ...], str]] = {}
    values: dict[str, Any] = {}
    for name in builder.modalities:
        reader, columns = builder.readers.get(name), builder.columns_of(name)
        if reader is None:
            modality = builder.spec.modalities[name]
            shapes[columns[0]] = modality.shape, "int" if "vocabulary" in modality.options else "float"
        elif reader.path:
            # Whatever it is: the file has to lie there under the name that it makes.
            values = dict.fromkeys(columns, 1) | values
        elif reader.kind in ("vector", "sequence") and len(columns) == 1:
            shapes[columns[0]] = reader.shape, "float"
        elif reader.kind in ("vector", "sequence"):
            values |= dict.fromkeys(columns, 0.0)
        elif reader.kind == "table":
            values |= {c["name"]: next(iter(c["levels"]), "") if "levels" in c else 0.0 for c in _columns(reader)}
        elif reader.kind == "text":
            values[columns[0]] = f"{name}.txt" if reader.files else "some words"
        else:
            values[columns[0]] = f"{name}{ENDINGS[reader.kind]}"
    if sum(prod(shape) for shape, _ in shapes.values()) <= SHOWN:
        values |= {column: _zeros(shape, kind) for column, (shape, kind) in shapes.items()}
        return f"echo {shlex.quote(json.dumps(values))} > rows.jsonl"
    return f"python -c {shlex.quote(_program(values, shapes))} > rows.jsonl"


def _columns(reader: Reader) -> Any:
    """What the decoder of a table found its columns to be."""
    return reader.state["columns"]


def _zeros(shape: tuple[int, ...], kind: str) -> Any:
    if not shape:
        return 0 if kind == "int" else 0.0
    return [_zeros(shape[1:], kind) for _ in range(shape[0])]


def _program(values: Mapping[str, Any], shapes: Mapping[str, tuple[tuple[int, ...], str]]) -> str:
    arrays = [f"{json.dumps(c)}: numpy.zeros({shape}, {kind}).tolist()" for c, (shape, kind) in shapes.items()]
    plain = [f"{json.dumps(column)}: {json.dumps(value)}" for column, value in values.items()]
    return f"import json, numpy; print(json.dumps({{{', '.join([*plain, *arrays])}}}))"
