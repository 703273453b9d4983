"""MATLAB files: numbers and cell arrays of numbers out of .mat, of version 4, 5 or 7.3 (HDF5). Nothing is executed."""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source

LARGEST = 4 << 30
"""Bytes that the arrays of one file may unpack to."""

_HDF5 = b"\x89HDF"


def read_mat(source: Source) -> dict[str, np.ndarray | list[np.ndarray]]:
    """Variables by name: an array of numbers, or a list of them for a cell array. Others are left out.

    Raises CellError where the file is broken or would unpack to too much.
    """
    data = source.read()
    # Version 7.3 is HDF5 behind a block of 512 bytes.
    if _HDF5 in (data[:4], data[512:516]):
        return _hdf5(data)
    from scipy.io import loadmat, whosmat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = sum(8 * math.prod(shape) for _, shape, kind in whosmat(io.BytesIO(data)) if kind != "cell")
            if size > LARGEST:
                raise CellError(f"would unpack to {size:,} bytes; more than {LARGEST:,} are not read")
            variables = loadmat(io.BytesIO(data), squeeze_me=False, struct_as_record=True)
    except CellError:
        raise
    except Exception as error:  # Broken files raise whatever their bytes lead the parser to.
        raise CellError(f"is not a MATLAB file that can be read ({type(error).__name__}: {error})") from None
    found: dict[str, np.ndarray | list[np.ndarray]] = {}
    for name, value in variables.items():
        if not isinstance(value, np.ndarray):
            continue
        if value.dtype == object:
            cells = [_dense(cell) for cell in value.ravel(order="F")]
            if cells and all(cell is not None for cell in cells):
                found[name] = [cell for cell in cells if cell is not None]
        elif (dense := _dense(value)) is not None:
            found[name] = dense
    return found


def _dense(value: Any) -> np.ndarray | None:
    from scipy.sparse import issparse

    if issparse(value):
        if 8 * math.prod(value.shape) > LARGEST:
            raise CellError(f"a sparse array of shape {value.shape} is too large")
        value = value.toarray()
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "uifb" else None


def _hdf5(data: bytes) -> dict[str, np.ndarray | list[np.ndarray]]:
    import h5py

    found: dict[str, np.ndarray | list[np.ndarray]] = {}
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            for name in file:
                # A link or a data set may name other files, which are not the data set's.
                if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not _plain(file[name]):
                    continue
                value = file[name]
                if value.dtype == h5py.ref_dtype:
                    cells = [file[ref] for ref in value[()].ravel()]
                    if cells and all(_plain(cell) and cell.dtype.kind in "uifb" for cell in cells):
                        found[name] = [_numbers(cell) for cell in cells]
                elif value.dtype.kind in "uifb":
                    found[name] = _numbers(value)
    except CellError:
        raise
    except Exception as error:
        raise CellError(f"is not a MATLAB 7.3 file that can be read ({type(error).__name__}: {error})") from None
    return found


def _plain(value: Any) -> bool:
    import h5py

    return isinstance(value, h5py.Dataset) and value.external is None and not value.is_virtual


def _numbers(value: Any) -> np.ndarray:
    """As MATLAB shows it: HDF5 has the axes in reverse."""
    size = value.dtype.itemsize * math.prod(value.shape)
    if size > LARGEST:
        raise CellError(f"{value.name} would unpack to {size:,} bytes; more than {LARGEST:,} are not read")
    array: np.ndarray = value[()]
    return array.T
