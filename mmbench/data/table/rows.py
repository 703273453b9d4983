"""The rows of a manifest, whatever its format: .csv, .parquet, .jsonl or .json. What is wrong is collected, with its
row.

Rows are counted as a spreadsheet counts them: the header of a .csv is row 1; of .jsonl and .parquet, the first sample.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.table import csv_table, json_table
from mmbench.data.table.findings import Findings, Places, quote

SUFFIXES = (".csv", ".parquet", ".jsonl", ".json")
LINES = (".jsonl", ".ndjson")
MAX_BYTES = 2**31
"""Of a manifest, unpacked: a table that names files is far smaller."""
MAX_ROWS = 50_000_000
LINES_SHOWN = 100
"""Lines of bad UTF-8 that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The samples of a manifest as columns. A value is text, a number, a list, bytes, an array, or None (empty).

    headless: why the first line was read as a sample, where nobody said that it is one. lacking: columns that not all
    tables of the manifest have -> those without. splits: of each row, where the table that it stands in says it.
    """

    file: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    findings: Findings
    headless: str = ""
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: tuple[str, ...] | None = None

    @property
    def places(self) -> Places:
        return Places(self.findings.files, self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def read(
    name: str, stream: BinaryIO, wanted: Callable[[str], bool] = lambda column: True, header: bool | None = None
) -> Rows:
    """Read a manifest. name: decides on the format (`.gz` behind it is ignored: the stream is unpacked already).

    wanted: which columns are needed. header: of a .csv, whether its first line is one; None where it is to be found
    out. Names of columns are composed (NFC). Raises DataError only where there is nothing to go on with.
    """
    suffix = PurePosixPath(name.removesuffix(".gz")).suffix.lower()
    if suffix == ".parquet":
        return _parquet(name, stream, wanted)
    if suffix not in (".csv", ".tsv", ".json", *LINES):
        raise DataError([Problem(where=name, what=f"is no table; tables are {', '.join(SUFFIXES)}")])
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(
            [Problem(where=f"{name} row 1", what=f"is larger than {MAX_BYTES >> 30} GiB; name files in it")]
        )
    findings = Findings(name)
    text = _decoded(findings, data)
    if not text.strip():
        raise DataError([Problem(where=f"{name} row 1", what="is empty; a table has a row for every sample")])
    if suffix in (".csv", ".tsv"):
        made = csv_table.read(findings, text, header)
        columns, numbers, headless = made.columns, made.numbers, made.headless
    else:
        samples, numbers = json_table.read(findings, text, lines=suffix in LINES)
        columns, headless = json_table.columns(samples), ""
        columns = {name: [_value(v) for v in values] for name, values in columns.items()}
    return Rows(file=name, columns=_composed(columns), numbers=numbers, findings=findings, headless=headless)


def _composed(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Names in one Unicode form, as the card's are; one that another column has already stays as it is."""
    made: dict[str, list[Any]] = {}
    for name, values in columns.items():
        composed = unicodedata.normalize("NFC", name)
        made[name if composed in made or (composed != name and composed in columns) else composed] = values
    return made


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
        inner = {column: _inside(column, file.schema_arrow) for column in dict.fromkeys(names)}
        chosen = [c for c in inner if any(wanted(unicodedata.normalize("NFC", name)) for name in (c, *inner[c]))]
        table = file.read(columns=chosen)
        columns = {column: _arrow(table.column(table.schema.names.index(column))) for column in chosen}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError([Problem(where=broken, what=f"cannot be read as Parquet ({quote(error)})")]) from None
    columns = {name: own for c, values in columns.items() for name, own in _with_inner(c, values, inner[c]).items()}
    for column in (name for c, within in inner.items() for name in (c, *within)):
        columns.setdefault(column, [])
    numbers = list(range(1, table.num_rows + 1))
    for column, values in columns.items():
        for i, value in enumerate(values):
            if not json_table.whole(value):
                findings.add(i + 1, "holds a zero byte or half a character", column=column)
                values[i] = None
    return Rows(file=name, columns=_composed(columns), numbers=numbers, findings=findings)


def _inside(column: str, schema: Any) -> list[str]:
    """The columns that the fields of a record become; those of a file within the table are none."""
    import pyarrow as pa

    kind = schema.field(schema.names.index(column)).type
    if not pa.types.is_struct(kind):
        return []
    fields = [kind.field(i).name for i in range(kind.num_fields)]
    return [] if json_table.FILES & set(fields) else [f"{column}.{name}" for name in fields]


def _with_inner(column: str, values: list[Any], inner: list[str]) -> dict[str, list[Any]]:
    if not inner:
        return {column: values}
    names = [name.removeprefix(f"{column}.") for name in inner]
    fields = [[None if v is None else _value(v.get(name)) for v in values] for name in names]
    return {column: values, **dict(zip(inner, fields, strict=True))}


def _arrow(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if nested and pa.types.is_floating(kind.value_type):
        # Numbers stay arrays: as Python objects they would take ten times the memory.
        return [None if v is None else v for v in column.to_numpy()]
    return [_value(v) for v in column.to_pylist()]
