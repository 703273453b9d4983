"""What a data card wants to know of a cell: how large it is, and what it holds. Each is decoded to find out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.inspect.contents import Stats, Usual
from mmbench.data.prepare.parallel import Chunk, decode_all
from mmbench.data.split.contents import normal
from mmbench.data.table.table import Cell

CHUNK = 32
FEW = 400
"""So few cells are read sooner than processes start."""
DIGEST = 32
MEASURES: Mapping[str, tuple[str, ...]] = {
    "image": ("width", "height"),
    "audio": ("seconds",),
    "video": ("frames", "width", "height"),
    "text": ("words",),
    "vector": ("numbers",),
    "sequence": ("steps", "numbers"),
    "table": ("values",),
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One cell that can be read. measures: as MEASURES names them. digest: of its content. stats: of what is decoded
    from it; None of films, which would be decoded twice."""

    measures: tuple[float, ...]
    digest: bytes
    stats: Stats | None = None


class Looker(Decoder):
    """Decodes a cell for what MEASURES, its stats and its digest say of it: float64, the digest byte by byte."""

    def __init__(self, made: Decoder, kind: str, usual: Usual | None) -> None:
        self.made, self.kind, self.usual = made, kind, usual

    @property
    def layout(self) -> Layout:
        shape = (len(MEASURES[self.kind]) + len(Stats._fields) + DIGEST,)
        return Layout(shape=shape, dtype="float64", steps=1, stem="", options={}, normal_axis=None)

    def fit(self, cells: Sequence[Cell]) -> Layout:
        return self.layout

    def decode(self, cell: Cell) -> tuple[np.ndarray, None]:
        try:
            measured = self.made.measure(cell)
            # A film is decoded to be measured; once is enough.
            values, mask = (None, None) if self.kind == "video" else self.made.decode(cell)
            stats = (
                Stats() if values is None else Stats.seen(self.kind, values, mask).judged(self.made, cell, self.usual)
            )
            digest = np.frombuffer(_digest(cell, self.kind), np.uint8)
        except OSError as error:
            raise CellError(f"cannot be read: {error.strerror or error}") from None
        return np.concatenate([self._measures(cell, measured, mask), stats, digest]).astype(np.float64), None

    def _measures(self, cell: Cell, measured: Any, mask: np.ndarray | None) -> np.ndarray:
        if self.kind == "image":
            return np.array([measured.width, measured.height])
        if self.kind == "audio":
            return np.array([measured.seconds])
        if self.kind == "video":
            return np.array([measured.length, measured.width, measured.height])
        if self.kind == "text":
            return np.array(
                [len(cell.split()) if isinstance(cell, str) else int(mask.sum()) if mask is not None else 0]
            )
        return np.atleast_1d(measured)


def look(
    made: Decoder, kind: str, cells: Sequence[Cell], processes: int, usual: Usual | None = None
) -> Iterator[tuple[int, Look | str]]:
    """The place of every cell and what it is, or what is wrong with it; in any order. usual: of its numbers.

    A file on which a decoding library crashes is named like any other.
    """
    looker = Looker(made, kind, usual)
    count, known = len(MEASURES[kind]), len(MEASURES[kind]) + len(Stats._fields)
    chunks = (
        Chunk(modality=kind, rows=np.arange(i, min(i + CHUNK, len(cells))), cells=cells[i : i + CHUNK])
        for i in range(0, len(cells), CHUNK)
    )
    alone = len(cells) <= FEW or not made.parallel
    for chunk, done in decode_all(chunks, {kind: (looker, looker.layout)}, 1 if alone else processes):
        for i, values in zip(done.good.tolist(), done.values, strict=True):
            measures, digest = tuple(values[:count].tolist()), values[known:].astype(np.uint8).tobytes()
            stats = None if kind == "video" else Stats(*values[count:known].tolist())
            yield int(chunk.rows[i]), Look(measures=measures, digest=digest, stats=stats)
        for i, what in done.bad.items():
            yield int(chunk.rows[i]), what


def _digest(cell: Cell, kind: str) -> bytes:
    if isinstance(cell, Source):
        with cell.open() as stream:
            return hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
    if isinstance(cell, str):
        text = normal(cell) if kind == "text" else cell
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return hashlib.sha256(f"{cell.shape}{cell.dtype.str}".encode() + np.ascontiguousarray(cell).tobytes()).digest()
