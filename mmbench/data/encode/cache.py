"""Features on disk, by encoder and content: whatever was encoded once is not encoded again."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmbench import atomic
from mmbench.data.files.archive import BROKEN
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

VARIABLE, DEFAULT = "MMBENCH_CACHE", "data/cache"


def location() -> Path:
    """The environment's `MMBENCH_CACHE`, else data/cache. Never a card's to say: it would be told where to write."""
    return Path(os.environ.get(VARIABLE) or DEFAULT) / "encoded"


class Cache:
    """One folder for an encoder with its options, one file for a cell: an .npz, whose checksum tells a broken one."""

    def __init__(self, about: Mapping[str, Any], *, name: str) -> None:
        """about: all that features depend on besides the content. name: of the encoder, for people."""
        key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        self.folder = location() / key[:32]
        if not (self.folder / "about.json").exists():
            self._write(self.folder / "about.json", json.dumps({"encoder": name, **about}, indent=2).encode())

    def get(self, key: str) -> np.ndarray | None:
        """float16 of any shape; None where there is nothing, or nothing whole."""
        try:
            data = self._file(key).read_bytes()
            # The checksum first: numpy would believe a broken header, however much memory it claims.
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if archive.namelist() != ["features.npy"] or archive.testzip() is not None:
                    return None
            with np.load(io.BytesIO(data), allow_pickle=False) as opened:
                values = opened["features"]
        except (*BROKEN, KeyError, RuntimeError):
            return None
        return values if isinstance(values, np.ndarray) and values.dtype == np.float16 and values.size else None

    def put(self, key: str, values: np.ndarray) -> None:
        """Written whole or not at all. Raises UserError where the folder cannot be written to."""
        stream = io.BytesIO()
        np.savez(stream, features=values)
        self._write(self._file(key), stream.getvalue())

    def _file(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def _write(self, file: Path, data: bytes) -> None:
        try:
            atomic.write(file, data)
        except OSError as error:
            raise UserError(
                f"cannot write the cache of encoded samples to {file.parent} ({error.strerror}); make room there, or "
                f"name another folder in {VARIABLE}"
            ) from None


def digest(cell: Cell) -> str:
    """SHA-256 over what a cell holds, whatever it is called. Raises CellError where it cannot be read."""
    if isinstance(cell, str):
        return hashlib.sha256(b"text\0" + cell.encode("utf-8", "surrogatepass")).hexdigest()
    if isinstance(cell, np.ndarray):
        total = hashlib.sha256(f"array\0{cell.dtype.str}\0{cell.shape}\0".encode())
        total.update(np.ascontiguousarray(cell).tobytes())
        return total.hexdigest()
    assert isinstance(cell, Source)
    total = hashlib.sha256(b"file\0")
    with cell.open() as stream:
        try:
            while block := stream.read(1 << 20):
                total.update(block)
        except OSError as error:
            raise CellError(f"cannot be read: {error.strerror or error}") from None
    return total.hexdigest()
