"""Vectors and sequences, from arrays and from files of numbers."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.batches import Example
from mmbench.data.decode import numbers as module
from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.table.table import Cell
from mmbench.errors import UserError
from mmbench.stem.feature import Feature


def npy(values: np.ndarray, name: str = "x.npy") -> BytesSource:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return BytesSource(name, stream.getvalue())


def npz(**arrays: np.ndarray) -> BytesSource:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return BytesSource("x.npz", stream.getvalue())


def fitted(kind: str, cells: list[Cell], **options: Any) -> tuple[Decoder, Layout]:
    made = decoder(kind, options)
    return made, made.fit(cells)


ROW = np.array([0.5, -1, 2, 30])


@pytest.mark.parametrize(
    "cell",
    [
        ROW,
        ROW[None],
        ROW[:, None],
        ROW.astype(np.float16),
        npy(ROW),
        npy(ROW.astype(">f4")),
        npy(np.asfortranarray(ROW[None])),
        npz(anything=ROW),
        BytesSource("x.csv", b"0.5,-1,2,30\n"),
        BytesSource("x.csv", b"\xef\xbb\xbfa,b,c,d\r\n0.5,-1,2,30\r\n"),
        BytesSource("x.csv", b"0.5;-1;2;30"),
        BytesSource("x.tsv", b"0.5\t-1\t2\t3e1"),
        BytesSource("x.txt", b"0.5 -1  2 30"),
        BytesSource("x.txt", b"0.5\n-1\n2\n30\n"),
    ],
)
def test_vectors(cell: Cell) -> None:
    made, layout = fitted("vector", [cell])
    values, mask = made.decode(cell)
    assert mask is None and values.dtype == np.float32 and values.tolist() == ROW.tolist()
    assert layout.shape == (4,) and layout.stem == "feature" and layout.normal_axis == 0


@pytest.mark.parametrize("length", [*range(1, 40), 47, 64, 76, 216, 240, 300, 4096])
def test_the_mask_has_the_tokens_that_the_stem_makes(length: int) -> None:
    _, layout = fitted("vector", [np.arange(length)])
    stem = Feature(4, layout.shape, **layout.options)
    tokens, _ = stem(Example(values=torch.zeros(2, length)))
    assert tokens.shape[1] == layout.steps
    assert layout.steps >= min(8, length), "as many tokens as the data allows, eight are enough"
    assert layout.steps <= 16


def test_tokens_as_asked_for() -> None:
    assert fitted("vector", [np.arange(240)], tokens=24)[1].steps == 24
    assert fitted("vector", [np.arange(10)], tokens=4)[1].steps == 4


def test_lengths_agree() -> None:
    made, _ = fitted("vector", [np.zeros(4), np.zeros(4), np.zeros(5)])
    with pytest.raises(CellError, match="has 5 numbers where training samples have 4"):
        made.decode(np.zeros(5))
    with pytest.raises(CellError, match="kind `sequence`"):
        made.decode(np.zeros((2, 2)))


@pytest.mark.parametrize("kind", ["vector", "sequence"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_none(kind: str, bad: float) -> None:
    spoilt = ROW.copy()
    spoilt[2] = bad
    made, _ = fitted(kind, [ROW])
    for cell in (spoilt, npy(spoilt), BytesSource("x.csv", f"0.5\n1\n{bad!r}\n3".encode())):
        with pytest.raises(
            CellError, match=r"has 1 of 4 numbers that are empty, NaN, infinite or too large, the first at \[2"
        ):
            made.decode(cell)


class Evil:
    ran = False

    def __reduce__(self) -> Any:
        return setattr, (Evil, "ran", True)


@pytest.mark.parametrize(
    "cell",
    [
        npy(np.array([Evil(), 1], dtype=object)),
        npz(x=np.array([Evil(), 1], dtype=object)),
        BytesSource("x.npy", b"\x80\x04\x95"),
        npy(np.array(["a", "b"])),
        npy(np.array([1j])),
        npy(np.zeros(3, [("a", float)])),
        npy(np.zeros(0)),
        np.array(["a"]),
        np.array([None]),
        "1,2,3",
        BytesSource("x.csv", b"1,2\n3,x\n"),
        BytesSource("x.csv", b"1,2\n3\n"),
        BytesSource("x.csv", b"\xff\xfe1"),
        BytesSource("x.csv", b"names,only\n"),
        BytesSource("x.csv", b" "),
        BytesSource("x.csv", b""),
        BytesSource("x.bin", b"1,2"),
        npz(a=ROW, b=ROW),
        BytesSource("x.npz", b"PK\x03\x04 not a zip"),
    ],
)
@pytest.mark.parametrize("kind", ["vector", "sequence"])
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_what_holds_no_numbers(kind: str, cell: Cell) -> None:
    made, _ = fitted(kind, [ROW])
    with pytest.raises(CellError):
        made.decode(cell)
    assert not Evil.ran


def test_the_array_of_several() -> None:
    cell = npz(a=ROW, b=np.zeros(7))
    assert fitted("vector", [cell], key="a")[1].shape == (4,)
    with pytest.raises(CellError, match="holds no array 'c', only a, b"):
        fitted("vector", [cell], key="c")
    with pytest.raises(CellError, match="holds 2 arrays \\(a, b\\); name one with the option `key`"):
        fitted("vector", [cell])


def test_headers_that_lie_are_not_believed() -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }"
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80)
    with pytest.raises(CellError, match="ends before"):
        fitted("vector", [BytesSource("x.npy", data)])


def test_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 1 << 20)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("x.npy", npy(np.zeros(1 << 20)).data)
    with pytest.raises(CellError, match="more than"):
        fitted("vector", [BytesSource("x.npz", stream.getvalue())])
    with pytest.raises(CellError, match="more than"):
        fitted("vector", [np.zeros(1 << 17)])


def test_sequences() -> None:
    cells: list[Cell] = [np.full((n, 3), n, float) for n in (5, 9, 12, 12)]
    made, layout = fitted("sequence", cells)
    assert layout.shape == (12, 3) and layout.steps == 12 and layout.normal_axis == 1
    values, mask = made.decode(cells[0])
    assert mask is not None and mask.tolist() == [True] * 5 + [False] * 7
    assert (values[:5] == 5).all() and not values[5:].any()
    assert made.decode(BytesSource("x.csv", b"a,b,c\n1,2,3\n4,5,6\n"))[0][:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert made.decode(npz(x=np.ones((2, 3))))[0][:2].tolist() == [[1, 1, 1], [1, 1, 1]]
    with pytest.raises(CellError, match="has 4 numbers a step where training samples have 3"):
        made.decode(np.zeros((2, 4)))
    with pytest.raises(CellError, match=r"\(steps, features\)"):
        made.decode(np.zeros((2, 3, 4)))


def test_one_number_a_step() -> None:
    assert fitted("sequence", [np.arange(9.0)])[1].shape == (9, 1)


def test_longer_sequences() -> None:
    long = np.arange(1000.0)[:, None]
    made, layout = fitted("sequence", [long])
    assert layout.steps == 128
    values, mask = made.decode(long)
    assert mask is not None and mask.all()
    assert np.diff(values[:, 0]).min() > 6 and values.mean() == pytest.approx(499.5, abs=0.5)
    cut, _ = fitted("sequence", [long], longer="cut", length=10)
    assert cut.decode(long)[0][:, 0].tolist() == list(range(10))
    mean, _ = fitted("sequence", [long], length=4)
    assert mean.decode(np.arange(10.0))[0][:, 0].tolist() == [0.5, 3.0, 6.0, 8.5]


def test_options() -> None:
    with pytest.raises(UserError, match="did you mean 'tokens'"):
        decoder("vector", {"token": 8})
    with pytest.raises(UserError, match="'mean' or 'cut'"):
        decoder("sequence", {"longer": "median"})


FILES = [
    npy(np.arange(60.0).reshape(20, 3)),
    npz(x=np.arange(60.0).reshape(20, 3)),
    BytesSource("x.csv", b"1,2,3\n" * 20),
]


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, 2), cut=st.floats(0, 1), at=st.floats(0, 1), spoilt=st.binary(max_size=6))
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_broken_files_give_cell_errors_only(which: int, cut: float, at: float, spoilt: bytes) -> None:
    made, layout = fitted("sequence", [FILES[0]])
    data = bytearray(FILES[which].data)
    place = int(at * len(data))
    data[place : place + len(spoilt)] = spoilt
    del data[int(cut * len(data)) :]
    try:
        assert made.decode(BytesSource(FILES[which].name, bytes(data)))[0].shape == layout.shape
    except CellError as error:
        assert str(error)


@pytest.mark.parametrize("kind", ["vector", "sequence"])
@pytest.mark.parametrize("nothing", ["", "nan", "NA", "-"])
def test_empty_fields_and_words_for_nothing_are_missing_where_that_is_said(
    kind: str, nothing: str, tmp_path: Path
) -> None:
    rows = [["1", "2", "3"], ["4", nothing, "6"], ["-999", "8", "9"]][: 1 if kind == "vector" else 3]
    if kind == "vector":
        rows = [["1", nothing, "-999"]]
    file = tmp_path / "a.csv"
    file.write_text("x,y,z\n" + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    other = tmp_path / "b.csv"
    other.write_text("x,y,z\n" + "10,20,30\n" * len(rows), encoding="utf-8")
    cells = [Root(tmp_path).source(name) for name in ("a.csv", "b.csv")]
    with pytest.raises(CellError, match=r"that are empty, NaN.*`missing: \[-999\]`"):
        decoder(kind, {}).decode(cells[0]) if kind == "sequence" else decoder(kind, {}).fit(cells[:1])
    made = decoder(kind, {"missing": [-999]})
    made.fit(cells)
    values, _ = made.decode(cells[0])
    if kind == "vector":
        assert values.tolist() == [1, 20, 30]
    else:
        assert values[1, 1] == pytest.approx(np.mean([2, 8, 20, 20, 20])) and values[2, 0] not in (-999, 0)


def test_decimal_commas_are_read_where_fields_are_parted_by_something_else(tmp_path: Path) -> None:
    text = "a;b\n1,5;-2,25\n3;4,0\n"
    for name, form in (("a.csv", text), ("b.tsv", text.replace(";", "\t"))):
        (tmp_path / name).write_text(form, encoding="utf-8")
        assert module.read_numbers(Root(tmp_path).source(name)).tolist() == [[1.5, -2.25], [3, 4]]
    (tmp_path / "d.csv").write_text("1,5;-2,25\n3;4,0\n", encoding="utf-8")
    assert module.read_numbers(Root(tmp_path).source("d.csv")).tolist() == [[1.5, -2.25], [3, 4]], "without a header"
    (tmp_path / "c.csv").write_text("a;b\n1,500,000;2\n", encoding="utf-8")
    with pytest.raises(CellError, match="is not a table of numbers"):
        module.read_numbers(Root(tmp_path).source("c.csv"))
