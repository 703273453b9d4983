"""Tables as text, with commas, semicolons or tabs, as spreadsheets, scripts and published lists write them.

Lines that begin with # before the table are comments; the last of them may be the header. A table may also have none.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmbench.data.table import decimal_comma
from mmbench.data.table.findings import Findings, quote
from mmbench.data.table.headers import is_header, is_worded, sample_like

MAX_FIELD = 2**24
FEW = 3
"""Rows of another length than the header's up to which each is told."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """columns: of texts, None where empty. numbers: of the rows, as a spreadsheet counts them. headless: why the first
    line is taken for a sample, where it is and nobody said so."""

    columns: dict[str, list[Any]]
    numbers: list[int]
    headless: str = ""


@dataclass(frozen=True, kw_only=True)
class _Head:
    """What comes before a table: comments (without their #), the lines they and blank ones take, a named delimiter."""

    comments: tuple[str, ...] = ()
    lines: int = 0
    delimiter: str | None = None


def read(findings: Findings, text: str, header: bool | None = None) -> Read:
    """header: whether the first line is one; None where it is to be found out."""
    head, body = _head(text)
    delimiter = head.delimiter or _delimiter(body)
    before = csv.field_size_limit(MAX_FIELD)
    try:
        records, numbers = _records(findings, body, delimiter, head)
    finally:
        csv.field_size_limit(before)
    fields, headless = _header(records, numbers, head, delimiter, header)
    rows, numbers = _fitting(findings, fields, records, numbers)
    names = [name.strip() for name in fields]
    for name, count in Counter(n for n in names if n).items():
        if count > 1:
            findings.add(1, f"{count} columns are named so; rename all but one", column=name)
    if nameless := _nameless(names, rows):
        findings.notes.append(f"{findings.file}: {nameless}")
    columns = {name: [r[i].strip() or None for r in rows] for i, name in reversed(list(enumerate(names))) if name}
    for name, values in columns.items():
        for number, value in zip(numbers, values, strict=True):
            if value is not None and "\0" in value:
                findings.add(number, "holds a zero byte; is this file no text?", column=name)
    columns = {name: [None if v is not None and "\0" in v else v for v in columns[name]] for name in names if name}
    if delimiter != "," and (decimal := decimal_comma.columns_of(columns)):
        example = next(v for v in columns[decimal[0]] if v is not None and "," in v)
        findings.notes.append(decimal_comma.note(decimal, example))
        columns |= {name: decimal_comma.pointed(columns[name]) for name in decimal}
    return Read(columns=columns, numbers=numbers, headless=headless)


def _nameless(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """What is said of columns that have values and no name, but for a first one that counts the rows."""
    found = []
    for i in [i for i, name in enumerate(names) if not name]:
        values = [row[i].strip() for row in rows]
        counts = i == 0 and len(set(values)) == len(values) and all(map(str.isdecimal, values))
        if any(values) and not counts:
            found.append(i + 1)
    if not found:
        return ""
    which = f"column{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:FEW]))}{', …' if found[FEW:] else ''}"
    have = f"{'have' if len(found) > 1 else 'has'} no name in the header ({quote(', '.join(names))})"
    return f"{which} {have}, and cannot be used; write names there, and take out lines above the header"


def _head(text: str) -> tuple[_Head, str]:
    """What comes before the table, and the rest. Nothing does where all lines begin with #: one will be the header."""
    comments: list[str] = []
    lines, at, delimiter = 0, 0, None
    # Spreadsheets say so which separator a file has.
    if said := re.match(r"sep=([,;\t|])\r?\n", text, re.IGNORECASE):
        delimiter, lines, at = said[1], 1, said.end()
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end + 1
        line = text[at:end].strip()
        if line and not line.startswith("#"):
            break
        comments += [line] if line else []
        lines, at = lines + 1, end
    if at >= len(text):
        return _Head(), text
    return _Head(comments=tuple(comments), lines=lines, delimiter=delimiter), text[at:]


def _delimiter(text: str) -> str:
    """A comma, or what stands more often in the header: `;` is what spreadsheets write in much of Europe."""
    header = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    found = max(",;\t", key=header.count)
    return "|" if not header.count(found) and "|" in header else found


def _records(findings: Findings, text: str, delimiter: str, head: _Head) -> tuple[list[list[str]], list[int]]:
    """Every line with something in it, and its number. Of others, those that have fields are told."""
    plain = _parsed(text, delimiter, blanks=False)
    # `a, "b, c"`: a blank before a quotation mark makes it a part of the text, unless blanks are skipped.
    if re.search(rf'{re.escape(delimiter)} +"', text):
        skipped = _parsed(text, delimiter, blanks=True)
        plain = skipped if skipped.faults <= plain.faults else plain
    if plain.broken:
        findings.add(head.lines + len(plain.records) + 1, plain.broken)
    numbered = [(record, head.lines + i) for i, record in enumerate(plain.records, 1)]
    blank = [number for record, number in numbered if len(record) > 1 and not any(v.strip() for v in record)]
    if blank:
        which = f"row{'s' if len(blank) > 1 else ''} {', '.join(map(str, blank[:FEW]))}{', …' if blank[FEW:] else ''}"
        findings.notes.append(f"{findings.file}: every field is empty in {which}; left out")
    found = [(record, number) for record, number in numbered if any(v.strip() for v in record)]
    return [record for record, _ in found], [number for _, number in found]


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    """faults: rows of another length than the first, and the one that cannot be read."""

    records: list[list[str]]
    broken: str = ""

    @property
    def faults(self) -> int:
        lengths = [len(r) for r in self.records if any(v.strip() for v in r)]
        return sum(n != lengths[0] for n in lengths) + (len(self.records) + 1 if self.broken else 0)


def _parsed(text: str, delimiter: str, *, blanks: bool) -> _Parsed:
    # newline="": a text that runs over lines keeps its line ends.
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=blanks)
    records: list[list[str]] = []
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            what = f"cannot be read as CSV ({error}): a quotation mark is not closed or not doubled"
            return _Parsed(records=records, broken=what)
        if record is None:
            return _Parsed(records=records)
        records.append(record)


def _header(
    records: list[list[str]], numbers: list[int], head: _Head, delimiter: str, header: bool | None
) -> tuple[list[str], str]:
    """The names of the columns, and why the first line is no header where that is a guess. A header is taken out of the
    records; one that stands in a comment is not in them."""
    if not records:
        return [], ""
    first, rest = records[0], records[1:]
    made = [f"column_{i}" for i in range(1, len(first) + 1)]
    if header is False:
        return made, ""
    if header is None and head.comments:
        said = head.comments[-1] if len(head.comments) == 1 else head.comments[-1].lstrip("#")
        fields = next(csv.reader([said], delimiter=delimiter, skipinitialspace=True), [])
        # One comment that fits is the header, # and all, as `#id,label` is.
        if len(fields) == len(first) > 1 and not is_header(first, rest):
            return fields, ""
    headless = "" if header else sample_like(first, rest)
    if headless:
        return made, headless
    del records[0], numbers[0]
    return first, ""


def _fitting(
    findings: Findings, header: Sequence[str], records: Sequence[list[str]], numbers: Sequence[int]
) -> tuple[list[list[str]], list[int]]:
    """The rows that have as many fields as the header, and their numbers. The others are told."""
    wrong = [(n, len(r)) for n, r in zip(numbers, records, strict=True) if len(r) != len(header)]
    if len(wrong) > FEW and len(wrong) == len(records):
        lengths = ", ".join(str(length) for length in sorted({length for _, length in wrong}))
        what = f"the header ({quote(', '.join(header))}) has {len(header)} fields, but every row {lengths}"
        findings.add(1, f"{what}; is the header missing, or the separator another one?")
    else:
        for number, length in wrong:
            what = f"has {length} fields, the header {len(header)}; a text with a comma needs quotation marks"
            findings.add(number, what)
    fitting = [(r, n) for r, n in zip(records, numbers, strict=True) if len(r) == len(header)]
    # Tables that were put together by appending one to another.
    again = [n for r, n in fitting if r == list(header)] if is_worded(header) else []
    if again:
        rows = f"row{'s' if len(again) > 1 else ''} {', '.join(map(str, again[:FEW]))}{', …' if again[FEW:] else ''}"
        said = "repeat the header and are" if len(again) > 1 else "repeats the header and is"
        findings.notes.append(f"{findings.file}: {rows} {said} passed over")
        fitting = [(r, n) for r, n in fitting if r != list(header)]
    return [r for r, _ in fitting], [n for _, n in fitting]
