"""Cells decoded by all cores, in chunks, with a bounded number of them in flight.

A decoding library that crashes on a file takes its process with it; the file is found and named, and the rest goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import threadpoolctl

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

AHEAD = 3
"""Chunks in flight a process: enough that none waits, few enough that memory stays small."""

DEADLY = "kills the process that decodes it (a crash of the decoding library, or out of memory); remove it"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Cells of one modality. rows: whose they are."""

    modality: str
    rows: np.ndarray
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What became of a chunk. good: positions in the chunk, of the rows of values (n, ...) and mask (n, steps). bad:
    what is wrong with the others."""

    good: np.ndarray
    values: np.ndarray
    mask: np.ndarray
    bad: dict[int, str]


Decoders = dict[str, tuple[Decoder, Layout]]


def decode(chunk: Chunk, decoders: Decoders) -> Decoded:
    """Decode the cells of a chunk, here."""
    decoder, layout = decoders[chunk.modality]
    with threadpoolctl.threadpool_limits(1):
        found = decoder.decode_many(chunk.cells)
    bad = {i: str(x) for i, x in enumerate(found) if isinstance(x, CellError)}
    whole = [x for x in found if not isinstance(x, CellError)]
    values = np.empty((len(whole), *layout.shape), layout.dtype)
    mask = np.ones((len(whole), layout.steps), bool)
    for i, (value, steps) in enumerate(whole):
        assert value.shape == layout.shape, f"{type(decoder).__name__} made {value.shape}, said {layout.shape}"
        values[i] = value
        if steps is not None:
            mask[i] = steps
    return Decoded(
        good=np.array([i for i in range(len(found)) if i not in bad], int), values=values, mask=mask, bad=bad
    )


def decode_all(chunks: Iterable[Chunk], decoders: Decoders, processes: int) -> Iterator[tuple[Chunk, Decoded]]:
    """Every chunk, in any order. With one process, all is done in this one."""
    if processes == 1:
        yield from ((chunk, decode(chunk, decoders)) for chunk in chunks)
        return
    chunks = iter(chunks)
    while in_flight := (yield from _until_a_crash(chunks, decoders, processes)):
        yield from _one_by_one(in_flight, decoders)


def _pool(decoders: Decoders, processes: int) -> ProcessPoolExecutor:
    # Not fork: the parent may run threads. A spawned process starts from nothing, the same on every system.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_start, initargs=(decoders,))


def _until_a_crash(
    chunks: Iterator[Chunk], decoders: Decoders, processes: int
) -> Generator[tuple[Chunk, Decoded], None, list[Chunk]]:
    """Yields what is decoded; returns the chunks that were in flight when a process died, none at the end."""
    flying: dict[Future[Decoded], Chunk] = {}
    handed: list[Chunk] = []
    pool = _pool(decoders, processes)
    try:
        _knock(pool)
        while True:
            for chunk in islice(chunks, AHEAD * processes - len(flying)):
                handed = [chunk]
                flying[pool.submit(_work, chunk)] = chunk
                handed = []
            if not flying:
                return []
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                result = future.result()
                yield flying.pop(future), result
    except BrokenProcessPool:
        return [*flying.values(), *handed]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _knock(pool: ProcessPoolExecutor) -> None:
    """Raises UserError where no process can be started, which no cell is to blame for."""
    try:
        pool.submit(os.getpid).result()
    except BrokenProcessPool:
        raise UserError(
            "no process for decoding can be started; a script of your own that prepares data needs the line "
            "`if __name__ == '__main__':` around what it runs"
        ) from None


def _one_by_one(chunks: Iterable[Chunk], decoders: Decoders) -> Iterator[tuple[Chunk, Decoded]]:
    """Nobody knows which of their cells killed its process: each goes alone, to one that is replaced if it dies."""
    pool = _pool(decoders, 1)
    try:
        for chunk in chunks:
            for i, cell in enumerate(chunk.cells):
                alone = replace(chunk, rows=chunk.rows[i : i + 1], cells=[cell])
                try:
                    yield alone, pool.submit(_work, alone).result()
                except BrokenProcessPool:
                    pool.shutdown()
                    pool = _pool(decoders, 1)
                    yield alone, _nothing(decoders[chunk.modality][1], DEADLY)
    finally:
        pool.shutdown()


def _nothing(layout: Layout, why: str) -> Decoded:
    """What became of one cell that is bad."""
    values, mask = np.empty((0, *layout.shape), layout.dtype), np.empty((0, layout.steps), bool)
    return Decoded(good=np.empty(0, int), values=values, mask=mask, bad={0: why})


_decoders: Decoders = {}


def _start(decoders: Decoders) -> None:
    """In a worker: keep the decoders, so that they travel once; the parent alone answers to Ctrl-C, and to the person:
    C libraries print warnings about a file from within, in thousands."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _decoders.update(decoders)


def _work(chunk: Chunk) -> Decoded:
    return decode(chunk, _decoders)
