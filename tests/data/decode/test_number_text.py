"""Tables of numbers as programs write them: with a header, with a column that counts, lying on their side."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmbench.data.decode.base import Decoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.table.table import Cell

ROWS = [np.random.default_rng(n).normal(size=(n, 5)).round(3) for n in (3, 4, 6, 8)]


def table(values: np.ndarray, name: str = "x.csv", **options: Any) -> BytesSource:
    separator = {".tsv": "\t"}.get(name[-4:], ",")
    return BytesSource(name, pd.DataFrame(values).to_csv(sep=separator, **options).encode())


def fitted(cells: list[Cell], kind: str = "sequence", **options: Any) -> tuple[Decoder, str]:
    made = decoder(kind, options)
    return made, made.fit(cells).note


def found(made: Decoder, cell: Cell) -> np.ndarray:
    values, mask = made.decode(cell)
    return values if mask is None else values[mask]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
@pytest.mark.parametrize(
    "options",
    [
        {"index": False},
        {"index": True},
        {"header": False, "index": False},
        {"index": False, "header": list("abcde")},
        {"index": True, "header": list("abcde")},
        {"index": True, "header": list("abcde"), "quoting": 2},
        {"index": False, "header": ["t", "0", "1", "2", "3"]},
        {"index": False, "header": ["1", "2", "3", "4", "5"]},
    ],
)
def test_what_pandas_and_r_write(name: str, options: dict[str, Any]) -> None:
    cells: list[Cell] = [table(rows, name, **options) for rows in ROWS]
    made, note = fitted(cells)
    assert "up to 8 steps of 5 numbers" in note
    for cell, rows in zip(cells, ROWS, strict=True):
        assert np.allclose(found(made, cell), rows)


def test_a_slice_has_rows_that_do_not_count_from_0() -> None:
    frame = pd.DataFrame(np.concatenate(ROWS), columns=list("abcde"))
    cells: list[Cell] = [BytesSource("x.csv", frame[i : i + 3].to_csv().encode()) for i in (0, 3, 9)]
    made, _ = fitted(cells)
    assert np.allclose(found(made, cells[1]), ROWS[1][:3])


def test_a_counting_header_is_told_and_only_dropped_where_it_is_one() -> None:
    made, note = fitted([table(rows, index=False) for rows in ROWS])
    assert "the first line of each file, which counts the columns, is a header (option header)" in note
    # A file of the same column without it keeps its first row, a decoder made anew too.
    for one in (made, decoder("sequence", {})):
        one.restore(made.state())
        assert np.allclose(found(one, table(ROWS[0], index=False, header=False)), ROWS[0])
        assert np.allclose(found(one, table(ROWS[0], index=False)), ROWS[0])


@pytest.mark.parametrize(
    "texts",
    [
        ["0,1,2\n3,4,5\n", "0,1,2\n3,4,5\n6,7,8\n"],
        ["0,1,2,3\n4,5,6,7\n"],
        ["0,1\n1,2\n", "0,1\n5,7\n"],
        ["0,1,2,3\n4.5,1,2,3\n", "7,1,2,3\n4.5,1,2,3\n"],
        ["0.0,1.0,2.0,3.0\n4.5,1,2,3\n"],
        ["0\n1\n5\n"],
        ["1,2,3\n"],
    ],
)
def test_rows_that_only_look_like_a_header_are_kept(texts: list[str]) -> None:
    cells: list[Cell] = [BytesSource("x.csv", t.encode()) for t in texts]
    made, note = fitted(cells)
    for cell, text in zip(cells, texts, strict=True):
        assert np.allclose(found(made, cell), np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2))
    assert "header" not in note and made.remarks == ()


def test_a_person_says_what_the_first_line_is() -> None:
    cells: list[Cell] = [BytesSource("x.csv", b"0,1\n1,2\n"), BytesSource("x.csv", b"0,1\n5,7\n")]
    assert found(fitted(cells, header=True)[0], cells[1]).tolist() == [[5, 7]]
    counted: list[Cell] = [table(rows, index=False) for rows in ROWS]
    assert len(found(fitted(counted, header=False)[0], counted[0])) == 4


def test_one_increasing_line_in_all_files_is_asked_for() -> None:
    """Frequencies, or seconds: numbers can be names too."""
    cells: list[Cell] = [table(rows, index=False, header=["100", "200", "300", "400.5", "500"]) for rows in ROWS]
    made, note = fitted(cells)
    assert "header" not in note and len(found(made, cells[0])) == 4
    assert made.remarks == ("all files begin with one line (100, 200, 300, ...): `header: true` if it is a header",)
    assert fitted(cells, header=True)[0].remarks == ()


def test_lines_that_lack_a_number_are_no_header() -> None:
    """They were passed over without a word."""
    made, _ = fitted([table(ROWS[0])])
    for line in ("NA,NA,NA,NA,NA", ",,,,", "?,?,?,?,?", "1,x,2,3,4", "1,,2,3,4"):
        with pytest.raises(CellError):
            made.decode(BytesSource("x.csv", f"{line}\n1,2,3,4,x\n".encode()))
    with pytest.raises(CellError):
        made.decode(BytesSource("x.csv", b"NA,NA,NA,NA,NA\n1,2,3,4,5\n"))


@pytest.mark.parametrize("files", [True, False])
def test_a_column_that_counts_the_rows_is_asked_for(files: bool) -> None:
    rows = [np.column_stack([np.arange(len(r)), r]) for r in ROWS]
    cells: list[Cell] = [table(r, index=False, header=["frame", *"abcde"]) if files else r for r in rows]
    made, _ = fitted(cells)
    assert found(made, cells[0]).shape == (3, 6)
    assert made.remarks == ("the first column counts the rows in every sample: `index: true` leaves it out",)
    without, note = fitted(cells, index=True)
    assert np.allclose(found(without, cells[2]), ROWS[2]) and without.remarks == () and "5 numbers" in note
    kept, _ = fitted(cells, index=False)
    assert found(kept, cells[0]).shape == (3, 6) and kept.remarks == ()


def test_vectors_with_a_header_or_an_index() -> None:
    row = ROWS[0][:1]
    for options in ({"index": False}, {"index": True}, {"header": False, "index": False}):
        cells: list[Cell] = [table(row, **options), table(row, **options)]
        assert np.allclose(found(fitted(cells, "vector")[0], cells[0]), row[0])
    series: list[Cell] = [BytesSource("x.csv", pd.Series(r[0]).to_csv().encode()) for r in ROWS]
    assert np.allclose(found(fitted(series, "vector")[0], series[1]), ROWS[1][0])


def test_features_by_frames() -> None:
    """13 coefficients of 200 frames, as speech libraries give them."""
    draw = np.random.default_rng(0)
    cells: list[Cell] = [draw.normal(size=(13, 200)).astype(np.float32) for _ in range(4)]
    made, _ = fitted(cells)
    assert made.remarks == ("every sample has 13 steps of 200 numbers: `transpose: true` if it has 200 steps of 13",)
    turned, note = fitted(cells, transpose=True, length=200)
    assert "200 steps of 13 numbers" in note and turned.remarks == ()
    assert np.array_equal(turned.decode(cells[0])[0], cells[0].T)  # type: ignore[union-attr]


@pytest.mark.parametrize("shapes", [[(16, 512)] * 3, [(13, 200), (20, 200)], [(50, 60)] * 3, [(1, 90)] * 3])
def test_many_numbers_a_step_are_no_news(shapes: list[tuple[int, int]]) -> None:
    """Features of a network, lengths that differ, and steps about as many as numbers."""
    assert fitted([np.ones(s) * np.arange(3, s[0] + 3)[:, None] for s in shapes])[0].remarks == ()


def test_features_by_frames_of_different_lengths() -> None:
    made, _ = fitted([np.ones((13, n)) for n in (200, 200, 180)])
    with pytest.raises(CellError, match=r"has 180 numbers a step .* all have 13 rows: `transpose: true`"):
        made.decode(np.ones((13, 180)))
    turned, _ = fitted([np.ones((13, n)) for n in (200, 200, 180)], transpose=True)
    assert found(turned, np.ones((13, 100))).shape == (100, 13)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (lambda i, t: 0.02 * t, True),
        (lambda i, t: 1.6e12 + 3600e3 * i + 20 * t + t % 3, True),
        (lambda i, t: np.cumsum(np.random.default_rng(i).exponential(size=len(t)) ** 3), False),
        (lambda i, t: np.sin(t + i), False),
        (lambda i, t: -t, False),
    ],
)
def test_a_column_that_grows_as_time_does_is_told(first: Any, said: bool) -> None:
    draw = np.random.default_rng(0)
    t = np.arange(40.0)
    cells = [np.column_stack([first(i, t), draw.normal(size=(40, 3))]) for i in range(12)]
    made = decoder("sequence", {})
    made.fit(cells)
    assert any("only grows" in text for text in made.remarks) == said
    left = decoder("sequence", {"index": True})
    assert left.fit(cells).shape[1] == 3 and not any("only grows" in text for text in left.remarks)


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("kind", ["sequence", "vector"])
def test_files_without_a_header_whose_numbers_have_decimal_commas(separator: str, kind: str) -> None:
    rows = [values if kind == "sequence" else values[:1] for values in ROWS]
    texts = ["\n".join(separator.join(f"{v:.3f}".replace(".", ",") for v in row) for row in values) for values in rows]
    cells: list[Cell] = [BytesSource("x.csv", text.encode()) for text in texts]
    plain: list[Cell] = [table(values, header=False, index=False) for values in rows]
    made, note = fitted(cells, kind)
    other, expected = fitted(plain, kind)
    assert note == expected
    assert all(np.array_equal(found(made, a), found(other, b)) for a, b in zip(cells, plain, strict=True))


@pytest.mark.parametrize("first", ["0.512,oops,-0.3", "1.5,0.2,x", "err,-1,2"])
def test_a_first_row_with_a_mistake_is_no_header(first: str) -> None:
    made, _ = fitted([BytesSource("x.csv", f"{v},1.25,3.5\n{v},2.25,3.5\n".encode()) for v in (1, 2, 3, 4)])
    with pytest.raises(CellError, match="is not a table of numbers"):
        made.decode(BytesSource("x.csv", f"{first}\n1,2,3\n4,5,6\n".encode()))


@pytest.mark.parametrize("first", ["id,2019,2020", "name,0,1", "nm,400.5,401.0,401.5", "x,y,z", "t,1,y"])
def test_a_header_may_have_numbers_beside_names(first: str) -> None:
    width = first.count(",") + 1
    row = ",".join(f"{0.5 + i}" for i in range(width))
    cell = BytesSource("x.csv", f"{first}\n{row}\n{row}\n".encode())
    made, _ = fitted([cell])
    assert len(found(made, cell)) == 2
