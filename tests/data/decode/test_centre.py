"""Numbers that single precision cannot hold keep their differences."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.data.decode.base import Decoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.table import rows as reading
from mmbench.data.table.cells import Cells, by_prefix
from mmbench.data.table.table import Cell

MILLISECONDS = 1_700_000_000_000


def npy(values: np.ndarray) -> BytesSource:
    stream = io.BytesIO()
    np.save(stream, values)
    return BytesSource("x.npy", stream.getvalue())


def csv(values: np.ndarray) -> BytesSource:
    return BytesSource("x.csv", "\n".join(",".join(repr(v) for v in row) for row in values.tolist()).encode())


def fitted(cells: list[Cell], kind: str = "vector", **options: Any) -> tuple[Decoder, str]:
    made = decoder(kind, options)
    return made, made.fit(cells).note


def times(dtype: Any = np.int64) -> np.ndarray:
    """(80, 4): four times of each row, 0.4 s or 20 s apart, within a quarter of an hour."""
    draw = np.random.default_rng(0)
    first = MILLISECONDS + draw.integers(0, 900_000, 80)
    return (first[:, None] + np.arange(4) * np.where(np.arange(80) % 2, 400, 20_000)[:, None]).astype(dtype)


@pytest.mark.parametrize("make", [lambda row: row, npy, lambda row: csv(row[None])])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_times_since_1970(make: Any, dtype: Any) -> None:
    rows = times(dtype)
    cells: list[Cell] = [make(row) for row in rows]
    made, note = fitted(cells)
    values = np.stack([made.decode(c)[0] for c in cells])
    assert values.dtype == np.float32
    assert np.array_equal(np.diff(values, axis=0), np.diff(rows, axis=0)), "every difference is exact"
    assert "4 of 4 numbers would lose their differences in single precision" in note and "(1.7e+12)" in note
    again = decoder("vector", {})
    again.restore(made.state())
    assert np.array_equal(again.decode(cells[3])[0], values[3])


def test_a_column_of_times_in_sequences() -> None:
    """The clock of a sensor beside what it measured, which stays as it was."""
    draw = np.random.default_rng(0)
    seconds = 1.7e9 + np.arange(50) / 10
    cells: list[Cell] = [csv(np.column_stack([seconds + 60 * n, draw.normal(size=(50, 2))])) for n in range(4)]
    made, note = fitted(cells, "sequence")
    values = [made.decode(c)[0] for c in cells]
    assert np.allclose(np.diff(values[0][:, 0]), 0.1, atol=1e-4)
    assert np.allclose(values[1][:, 0] - values[0][:, 0], 60, atol=1e-4)
    plain = np.loadtxt(io.BytesIO(cells[0].data), delimiter=",")  # type: ignore[union-attr]
    assert np.array_equal(values[0][:, 1:], plain[:, 1:].astype(np.float32))
    assert "1 of 3 numbers" in note
    short, _ = fitted(cells, "sequence", length=5)
    assert np.allclose(np.diff(short.decode(cells[0])[0][:, 0]), 1, atol=1e-4), "means of stretches too"


def test_identifiers_and_small_differences() -> None:
    identifiers: list[Cell] = [np.array([9_000_000_000 + n, 5]) for n in range(20)]
    made, _ = fitted(identifiers)
    assert len({float(made.decode(c)[0][0]) for c in identifiers}) == 20
    pressures: list[Cell] = [np.array([101_325 + n * 1e-3]) for n in range(20)]
    made, note = fitted(pressures)
    assert np.allclose(np.diff([made.decode(c)[0][0] for c in pressures]), 1e-3, rtol=1e-3) and "the number" in note


@pytest.mark.parametrize(
    "rows",
    [
        np.random.default_rng(0).normal(size=(50, 3)),
        np.random.default_rng(0).normal(48, 0.1, (50, 3)),
        np.random.default_rng(0).integers(0, 1_400_000_000, (50, 3)),
        np.random.default_rng(0).lognormal(10, 3, (50, 3)),
        np.full((50, 3), float(MILLISECONDS)),
        np.arange(150.0).reshape(50, 3) / 7,
    ],
)
def test_numbers_that_are_near_enough_stay_bit_by_bit(rows: np.ndarray) -> None:
    for make in (lambda row: row, npy, lambda row: csv(row[None])):
        cells: list[Cell] = [make(row) for row in rows]
        made, note = fitted(cells)
        assert note == "vectors of 3 numbers" and set(made.state()) == {"length"}
        assert all(np.array_equal(made.decode(c)[0], r.astype(np.float32)) for c, r in zip(cells, rows, strict=True))


def test_what_is_rounded_all_the_same_is_told() -> None:
    """Milliseconds over three years: 26 bits more than single precision has."""
    draw = np.random.default_rng(0)
    first = MILLISECONDS + draw.integers(0, 100_000_000_000, 60)
    made, _ = fitted([first[i] + np.arange(4) * 400 for i in range(60)])
    (remark,) = made.remarks
    assert "still rounded to steps of up to 4,096" in remark and "better given as numbers of their own" in remark


def test_a_table_keeps_them(tmp_path: Path) -> None:
    """As columns with a prefix, and as lists: in full, where rounding would change them."""
    rows = times()
    text = "t_0,t_1,t_2,t_3,small,list\n" + "".join(
        f'{a},{b},{c},{d},{a % 1000 / 7},"[{a}, {b}]"\n' for a, b, c, d in rows.tolist()
    )
    found = reading.read("manifest.csv", io.BytesIO(text.encode()))
    cells = by_prefix(["t_0", "t_1", "t_2", "t_3"], "t", found)
    assert all(np.array_equal(c, row) for c, row in zip(cells, rows, strict=True))  # type: ignore[arg-type]
    lists = Cells(kind="vector", column="list", rows=found, root=Root(tmp_path)).all()
    assert all(np.array_equal(c, row[:2]) for c, row in zip(lists, rows, strict=True))  # type: ignore[arg-type]
    small = by_prefix(["small"], "s", found)
    assert {c.dtype for c in small if isinstance(c, np.ndarray)} == {np.dtype(np.float32)}
    assert not found.findings.problems()


def test_numbers_beyond_single_precision_are_told_with_their_row() -> None:
    found = reading.read("manifest.csv", io.BytesIO(b"t_0,t_1\n1,2\n1e300,2\n"))
    assert by_prefix(["t_0", "t_1"], "t", found)[1] is None
    assert "is no (finite) number" in str(found.findings.problems()[0])
    with pytest.raises(CellError, match="too large"):
        fitted([np.array([1e300, 2])])
