"""Tables as JSON: a line for every sample (.jsonl), or a document that holds their records (.json).

A record within a record becomes columns of its own, `about.age`, and so does each of a short list of records,
`conversations.0.value`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.table.findings import Findings, quote

SAMPLE = 'every line is one sample, such as {"photo": "1.png"}'
RECORDS = 'a table in JSON is a list of records, such as [{"photo": "1.png", "label": "cat"}, ...]'
FILES = frozenset(("bytes", "path"))
"""Keys of a record that is a file within the table, as the Hub's are."""
DEEP, MOST = 4, 64
"""Records within records are followed so deep, and make at most so many columns."""
LOOKED_AT = 100

Samples = tuple[list[dict[str, Any]], list[int]]


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise _TwiceError(f"{quote(name)!r} stands twice")
    return found


def read(findings: Findings, text: str, *, lines: bool) -> Samples:
    """The samples and their numbers, counted from 1. lines: whether the name says that every line is one.

    What it says is not believed: a document of records is read as one, lines as lines. Raises DataError where a
    document is neither.
    """
    start = text.lstrip()[:1]
    if lines and start != "[":
        return _lines(findings, text)
    try:
        whole = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if lines or (isinstance(error, json.JSONDecodeError) and error.msg == "Extra data"):
            return _lines(findings, text)
        raise DataError([Problem(where=f"{findings.file} row 1", what=f"is not JSON ({quote(error)})")]) from None
    records = _records(whole)
    if records is None and lines:
        return _lines(findings, text)
    if isinstance(records, str) or records is None:
        what = f"{records or 'holds no records'}; {RECORDS}"
        raise DataError([Problem(where=f"{findings.file} row 1", what=what)])
    return _whole_ones(findings, enumerate(records, 1), f"is no record; {RECORDS}")


def _lines(findings: Findings, text: str) -> Samples:
    found: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            sample = json.loads(line, object_pairs_hook=_once)
        except _TwiceError as error:
            findings.add(number, str(error))
        except (ValueError, RecursionError) as error:
            findings.add(number, f"is not JSON ({quote(error)}); {SAMPLE}")
        else:
            found.append((number, sample))
    return _whole_ones(findings, found, f"is no sample; {SAMPLE}")


def _whole_ones(findings: Findings, found: Iterable[tuple[int, Any]], otherwise: str) -> Samples:
    """The samples among what was found, with their numbers. otherwise: what is said of the others."""
    samples, numbers = [], []
    for number, sample in found:
        if not isinstance(sample, dict) or not all(map(whole, sample)):
            findings.add(number, otherwise)
            continue
        samples.append(_clean(findings, number, sample))
        numbers.append(number)
    return samples, numbers


def _clean(findings: Findings, number: int, sample: dict[str, Any]) -> dict[str, Any]:
    for name, value in sample.items():
        if not whole(value):
            findings.add(number, "holds a zero byte or half a character", column=name)
            sample[name] = None
    return sample


def _records(value: Any) -> list[Any] | str | None:
    """The records of a document; what is wrong with it where they cannot be told; None where it holds none.

    A list of records; a mapping with one such list in it; records by a key (which becomes the column `key`); columns,
    as pandas writes them by default, or as lists of one length.
    """
    if isinstance(value, list):
        return value if value and any(isinstance(v, dict) for v in value) else None
    if not isinstance(value, dict) or not value:
        return None
    own = list(value.values())
    listed = {k: v for k, v in value.items() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)}
    if all(isinstance(v, list) for v in own) and len({len(v) for v in own}) == 1 and len(listed) < len(own):
        return [dict(zip(value, row, strict=True)) for row in zip(*own, strict=True)]
    if len(listed) > 1:
        names = quote(", ".join(listed))
        return f"holds several lists of records ({names}), and it is not said how they belong together"
    if listed:
        return next(iter(listed.values()))
    if not all(isinstance(v, dict) and v for v in value.values()):
        return None
    keys = list(next(iter(value.values())))
    if keys == [str(i) for i in range(len(keys))] and all(list(v) == keys for v in value.values()):
        return [{name: column[key] for name, column in value.items()} for key in keys]
    return [{"key": key, **record} for key, record in value.items()] if len(value) > 1 else None


def whole(value: Any) -> bool:
    """Whether texts can be written as UTF-8 and hold no zero byte: JSON can spell both."""
    if isinstance(value, list):
        return all(map(whole, value))
    try:
        return not isinstance(value, str) or (value.encode() is not None and "\0" not in value)
    except UnicodeEncodeError:
        return False


def columns(samples: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The values of every key, and those of records within records beside them."""
    names = dict.fromkeys(name for sample in samples for name in sample)
    found = {name: [sample.get(name) for sample in samples] for name in names}
    for name, values in list(found.items()):
        for inner, own in nested(name, values).items():
            found.setdefault(inner, own)
    return found


def nested(name: str, values: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of what lies within records, and lists of records, of one column; none of files within the table."""
    if not any(_holds_records(v) for v in values):
        return {}
    if len({key for value in values[:LOOKED_AT] for key, _ in _leaves(name, value, DEEP)}) > MOST:
        return {}
    flat = [dict(_leaves(name, value, DEEP)) for value in values]
    names = dict.fromkeys(key for one in flat for key in one if key != name)
    if len(names) > MOST:
        return {}
    made = {key: [one.get(key) for one in flat] for key in names}
    return {key: [v if whole(v) else None for v in own] for key, own in made.items() if whole(key)}


def _holds_records(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(v, dict) for v in value)
    return isinstance(value, dict) and not FILES & value.keys()


def _leaves(name: str, value: Any, deep: int) -> list[tuple[str, Any]]:
    if not deep or not _holds_records(value):
        return [(name, value)]
    inner = enumerate(value) if isinstance(value, list) else value.items()
    return [leaf for key, v in inner for leaf in _leaves(f"{name}.{key}", v, deep - 1)]
