"""The rows of a manifest, whatever its format: .csv, .parquet or .jsonl. What is wrong is collected, with its row.

Rows are counted as a spreadsheet counts them: the header of a .csv is row 1; of .jsonl and .parquet, the first sample.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.table.findings import Findings, Places, quote

SUFFIXES = (".csv", ".parquet", ".jsonl")
MAX_BYTES = 2**31
"""Of a manifest, unpacked: a table that names files is far smaller."""
MAX_ROWS = 50_000_000
MAX_FIELD = 2**24
LINES_SHOWN = 100
"""Lines of bad UTF-8 that are named one by one."""
SAMPLE = 'every line is one sample, such as {"photo": "1.png"}'


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The samples of a manifest as columns. A value is text, a number, a list, bytes, an array, or None (empty)."""

    file: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    findings: Findings

    @property
    def places(self) -> Places:
        return Places(self.file, self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def read(name: str, stream: BinaryIO, wanted: Callable[[str], bool] = lambda column: True) -> Rows:
    """Read a manifest. name: decides on the format (`.gz` behind it is ignored: the stream is unpacked already).

    wanted: which columns are needed. Raises DataError only where there is nothing to go on with.
    """
    suffix = PurePosixPath(name.removesuffix(".gz")).suffix.lower()
    if suffix == ".parquet":
        return _parquet(name, stream, wanted)
    if suffix not in (".csv", ".tsv", ".jsonl"):
        raise DataError([Problem(where=name, what=f"a manifest is one of {', '.join(SUFFIXES)}")])
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(
            [Problem(where=f"{name} row 1", what=f"is larger than {MAX_BYTES >> 30} GiB; name files in it")]
        )
    findings = Findings(name)
    text = _decoded(findings, data)
    if not text.strip():
        raise DataError([Problem(where=f"{name} row 1", what="is empty; a manifest has a row for every sample")])
    return _csv(findings, text) if suffix != ".jsonl" else _jsonl(findings, text)


def _decoded(findings: Findings, data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        what = "is UTF-16; save the table as UTF-8"
        raise DataError([Problem(where=f"{findings.file} row 1", what=what)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    bad = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            bad += 1
            if bad <= LINES_SHOWN:
                byte = f"byte {line[error.start]:#04x} at position {error.start + 1}"
                findings.add(number, f"is not UTF-8 ({byte}); save the table as UTF-8", unit="line")
    if bad > LINES_SHOWN:
        findings.add(number, f"and {bad - LINES_SHOWN} more lines are not UTF-8", unit="line")
    return data.decode("utf-8-sig", errors="replace")


def _delimiter(text: str) -> str:
    """A comma, or what stands more often in the header: `;` is what spreadsheets write in much of Europe."""
    header = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    return max(",;\t", key=header.count)


def _csv(findings: Findings, text: str) -> Rows:
    before = csv.field_size_limit(MAX_FIELD)
    try:
        # newline="": a text that runs over lines keeps its line ends.
        lines = io.StringIO(text, newline="")
        header, rows, numbers = _records(findings, csv.reader(lines, delimiter=_delimiter(text), strict=True))
    finally:
        csv.field_size_limit(before)
    names = [name.strip() for name in header]
    for name, count in Counter(n for n in names if n).items():
        if count > 1:
            findings.add(1, f"{count} columns are named so; rename all but one", column=name)
    columns = {name: [r[i].strip() or None for r in rows] for i, name in reversed(list(enumerate(names))) if name}
    for name, values in columns.items():
        for number, value in zip(numbers, values, strict=True):
            if value is not None and "\0" in value:
                findings.add(number, "holds a zero byte; is this file no text?", column=name)
    columns = {name: [None if v is not None and "\0" in v else v for v in columns[name]] for name in names if name}
    return Rows(file=findings.file, columns=columns, numbers=numbers, findings=findings)


def _records(findings: Findings, reader: Any) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows that fit it, and their numbers."""
    header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    number = 0
    while True:
        number += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            findings.add(number, f"cannot be read as CSV ({error}): a quotation mark is not closed or not doubled")
            break
        if row is None:
            break
        if not any(value.strip() for value in row):
            continue
        if not header:
            header = row
        elif len(row) != len(header):
            what = f"has {len(row)} fields, the header {len(header)}; a text with a comma needs quotation marks"
            findings.add(number, what)
        else:
            rows.append(row)
            numbers.append(number)
    return header, rows, numbers


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _TwiceError(f"{quote(name)!r} stands twice")
    return found


def _whole(value: Any) -> bool:
    """Whether texts can be written as UTF-8 and hold no zero byte: JSON can spell both."""
    if isinstance(value, list):
        return all(map(_whole, value))
    try:
        return not isinstance(value, str) or (value.encode() is not None and "\0" not in value)
    except UnicodeEncodeError:
        return False


def _jsonl(findings: Findings, text: str) -> Rows:
    samples: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            sample = json.loads(line, object_pairs_hook=_once)
        except _TwiceError as error:
            findings.add(number, str(error))
            continue
        except (ValueError, RecursionError) as error:
            findings.add(number, f"is not JSON ({quote(error)}); {SAMPLE}")
            continue
        if not isinstance(sample, dict) or not all(map(_whole, sample)):
            findings.add(number, f"is no sample; {SAMPLE}")
            continue
        for name, value in sample.items():
            if not _whole(value):
                findings.add(number, "holds a zero byte or half a character", column=name)
                sample[name] = None
        samples.append(sample)
        numbers.append(number)
    names = dict.fromkeys(name for sample in samples for name in sample)
    columns = {name: [_value(sample.get(name)) for sample in samples] for name in names}
    return Rows(file=findings.file, columns=columns, numbers=numbers, findings=findings)


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.strip() or None if isinstance(value, str) else value


def _parquet(name: str, stream: BinaryIO, wanted: Callable[[str], bool]) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    findings = Findings(name)
    broken = f"{name} row 1"
    try:
        file = pq.ParquetFile(stream)
        names = file.schema_arrow.names
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if file.metadata.num_rows > MAX_ROWS or size > MAX_BYTES:
            what = f"is larger than {MAX_ROWS:,} rows or {MAX_BYTES >> 30} GiB; name files in it"
            raise DataError([Problem(where=broken, what=what)])
        for column, count in Counter(names).items():
            if count > 1:
                findings.add(1, f"{count} columns are named so; rename all but one", column=column)
        chosen = [column for column in dict.fromkeys(names) if wanted(column)]
        table = file.read(columns=chosen)
        columns = {column: _arrow(table.column(table.schema.names.index(column))) for column in chosen}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError([Problem(where=broken, what=f"cannot be read as Parquet ({quote(error)})")]) from None
    for column in names:
        columns.setdefault(column, [])
    numbers = list(range(1, table.num_rows + 1))
    for column, values in columns.items():
        for i, value in enumerate(values):
            if not _whole(value):
                findings.add(i + 1, "holds a zero byte or half a character", column=column)
                values[i] = None
    return Rows(file=name, columns=columns, numbers=numbers, findings=findings)


def _arrow(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if nested and pa.types.is_floating(kind.value_type):
        # Numbers stay arrays: as Python objects they would take ten times the memory.
        return [None if v is None else v for v in column.to_numpy()]
    return [_value(v) for v in column.to_pylist()]
