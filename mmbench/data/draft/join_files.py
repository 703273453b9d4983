"""A table that says not where its files lie, but what they are called: joined with the files that are there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from mmbench.data.draft.guess import kind_of
from mmbench.data.files.unlisted_files import composed
from mmbench.data.table.rows import Rows
from mmbench.data.table.targets import label


def join(table: Rows, files: Sequence[str]) -> tuple[str, str] | None:
    """A manifest.csv with a column for every kind of file that a column of the table names by its bare name (`7.png`,
    or `7` for 7.png and 7.wav), and how that was found. None where no column does so.
    """
    by_name, by_stem = _index_files(files)
    for column, values in table.columns.items():
        texts = ["" if v is None or isinstance(v, (list, dict, bytes)) else label(v) for v in values]
        for known, what in ((by_name, "file names"), (by_stem, "file names without their endings")):
            found = [known.get(composed(t), {}) for t in texts]
            hits = sum(map(bool, found))
            # Classes 0 to 9 are no names of 0.png to 9.png among thousands of files.
            if hits >= 0.8 * len(texts) and len(set(texts)) >= 0.5 * len(known):
                how = f"{column} holds {what}: joined with the files into a manifest.csv of its own"
                return _text(table, found, without=column if known is by_name else ""), how
    return None


def _index_files(files: Sequence[str]) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """By name and by stem: kind -> path. What would be two files is none."""
    by_name: dict[str, dict[str, str]] = {}
    by_stem: dict[str, dict[str, str]] = {}
    for file in files:
        if (kind := kind_of(file)) is None:
            continue
        path = PurePosixPath(file)
        for known, key in ((by_name, path.name), (by_stem, path.stem)):
            kinds = known.setdefault(composed(key), {})
            kinds[kind] = "" if kind in kinds else file
    return by_name, by_stem


def _text(table: Rows, found: Sequence[dict[str, str]], *, without: str) -> str:
    """The table with columns of paths before its own; without: the column that they replace."""
    kinds = list(dict.fromkeys(kind for cells in found for kind in cells))
    columns = {name: values for name, values in table.columns.items() if name != without}
    names = [kind if kind not in columns else f"{kind}_file" for kind in kinds]
    paths = {name: [cells.get(kind) for cells in found] for name, kind in zip(names, kinds, strict=True)}
    return as_csv(paths | columns)


def as_csv(columns: Mapping[str, Sequence[Any]]) -> str:
    """A table as text, its lists as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if v is None else _written(v) for v in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue()


def _written(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else str(value)
