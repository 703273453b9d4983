"""Files of numbers: .npy, .npz and text tables, never a pickle in one of them."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from mmbench.data.decode import number_text
from mmbench.data.decode.number_text import Form
from mmbench.data.files.archive import BROKEN, LARGEST
from mmbench.data.files.problems import CellError, reason
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

TEXTS = (".csv", ".tsv", ".txt")


def read_numbers(cell: Cell, key: str | None = None, form: Form = Form()) -> np.ndarray:  # noqa: B008 - it is frozen
    """float32 of any shape, all finite. key: of the array in an .npz that has several. Raises CellError."""
    return single(read_exactly(cell, key, form))


def read_exactly(cell: Cell, key: str | None, form: Form) -> np.ndarray:
    """As they are given, of any type of number; at least one. form: of text tables. Raises CellError."""
    values = cell if isinstance(cell, np.ndarray) else _from_file(cell, key, form)
    if values.dtype.kind not in "uifb":
        raise CellError(f"holds {values.dtype}; numbers are needed")
    if not values.size:
        raise CellError("holds no number")
    return values


def single(values: np.ndarray) -> np.ndarray:
    """float32, all finite. Raises CellError."""
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(values, dtype=np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        at = np.unravel_index(bad.argmax(), bad.shape)
        place = ", ".join(str(int(i)) for i in at)
        raise CellError(
            f"has {int(bad.sum())} of {bad.size} numbers that are empty, NaN, infinite or too large, the first at "
            f"[{place}]; fill them, or say `missing: [-999]` (any number that stands for none): empty fields and NaN "
            "are missing then"
        )
    return numbers


def _from_file(cell: Cell, key: str | None, form: Form) -> np.ndarray:
    if not isinstance(cell, Source):
        raise CellError(f"numbers are a file or an array, not {type(cell).__name__}")
    data = cell.read()
    if data.startswith(b"\x93NUMPY"):
        return _npy(data)
    if data.startswith(b"PK"):
        return _npz(data, key)
    if cell.suffix in TEXTS:
        return number_text.read(data, form)
    raise CellError(f"is neither an .npy nor an .npz file, nor is its suffix one of {', '.join(TEXTS)}")


def _npy(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        if dtype.hasobject:
            raise CellError("holds Python objects, which could run code when they are read; save numbers")
        # What a header claims is allocated before it is read.
        if np.prod(shape, dtype=float) * dtype.itemsize > len(data):
            raise CellError(f"claims the shape {shape} but ends before; copy it again")
        stream.seek(0)
        return np.load(stream, allow_pickle=False)
    except CellError:
        raise
    # NumPy evaluates a header as a literal: broken bytes raise SyntaxError, TokenError, MemoryError and more.
    except Exception as error:
        raise CellError(f"is a broken .npy file ({reason(error)}); save it again") from None


def _npz(data: bytes, key: str | None) -> np.ndarray:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {i.filename.removesuffix(".npy"): i for i in archive.infolist()}
            if key is None and len(sizes) != 1:
                raise CellError(f"holds {len(sizes)} arrays ({', '.join(sizes)}); name one with the option `key`")
            name = next(iter(sizes)) if key is None else key
            if name not in sizes:
                raise CellError(f"holds no array {name!r}, only {', '.join(sizes)}")
            if sizes[name].file_size > LARGEST:
                raise CellError(f"holds an array of {sizes[name].file_size:,} bytes, more than {LARGEST:,}")
            return _npy(archive.read(sizes[name]))
    except CellError:
        raise
    except (*BROKEN, RuntimeError) as error:  # RuntimeError: a password.
        raise CellError(f"is a broken .npz file ({reason(error)}); save it again") from None
