"""Means and standard deviations, streamed: the samples may be more than memory holds."""

from __future__ import annotations

import mmap
from collections.abc import Iterable

import numpy as np

from mmbench.schema.dataset import Normal

BLOCK = 1 << 20
"""Numbers that are read at a time."""

LEAST = 1e-6
"""Where numbers vary less, they are only centred: dividing would make noise of rounding."""


def normal(values: np.ndarray, mask: np.ndarray | None, *, axis: int) -> Normal:
    """Of values (N, ...) along `axis` of a sample. mask: (N, T) over the first axis of a sample, its time; where
    `axis` is that first axis there is no time, and the mask, of tokens, tells only which samples are there at all.

    Blocks are joined as Chan, Golub and LeVeque (1983) do, in the order of the samples, so that the result is always
    the same.
    """
    count, mean, squares = 0, np.zeros(values.shape[axis + 1]), np.zeros(values.shape[axis + 1])
    rows = max(1, BLOCK // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), rows):
        block = np.asarray(values[start : start + rows])
        real = _real(block, None if mask is None else np.asarray(mask[start : start + rows]), axis)
        if not len(real):
            continue
        release([values, mask])
        here = real.mean(axis=0, dtype=np.float64)
        spread = np.square(real - here, dtype=np.float64).sum(axis=0)
        delta, total = here - mean, count + len(real)
        mean = mean + delta * (len(real) / total)
        squares = squares + spread + np.square(delta) * (count * len(real) / total)
        count = total
    std = np.sqrt(squares / max(1, count))
    std = np.where(std > LEAST * np.maximum(1, np.abs(mean)), std, 1.0)
    return Normal(axis=axis, mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def _real(block: np.ndarray, mask: np.ndarray | None, axis: int) -> np.ndarray:
    """(n, length of axis): the numbers that are real."""
    if mask is not None:
        block = block[mask][:, None] if axis > 0 else block[mask.any(axis=1)]
    return np.moveaxis(block, axis + 1, -1).reshape(-1, block.shape[axis + 1])


def release(arrays: Iterable[np.ndarray | None]) -> None:
    """Hand the pages of mapped arrays back to the system; what was written stays in the file."""
    for array in arrays:
        mapped = getattr(array, "_mmap", None)
        if isinstance(mapped, mmap.mmap):
            mapped.madvise(mmap.MADV_DONTNEED)
