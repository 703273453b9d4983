"""IDX, the format of MNIST: http://yann.lecun.com/exdb/mnist, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from typing import IO

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

LARGEST = 1 << 31
"""Bytes; a header that promises more is not believed."""


def read_idx(source: Source) -> np.ndarray:
    """The array of an IDX file, in this machine's byte order. Raises CellError unless it is exactly one array."""
    try:
        with source.open() as stream:
            packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            if not packed:
                return _read(stream)
            with gzip.open(stream) as unpacked:
                return _read(unpacked)
    except (OSError, EOFError, zlib.error) as error:
        raise CellError(f"cannot be read as an IDX file: {error}") from None


def _read(stream: IO[bytes] | gzip.GzipFile) -> np.ndarray:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or not head[3]:
        raise CellError(f"is no IDX file: it begins with {head.hex(' ') or 'nothing'}, not with 00 00, a type, a rank")
    sizes = stream.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise CellError("ends within its header")
    shape, kind = tuple(np.frombuffer(sizes, ">u4").tolist()), np.dtype(TYPES[head[2]])
    promised = math.prod(shape) * kind.itemsize
    if promised > LARGEST:
        raise CellError(
            f"promises {promised:,} bytes ({' x '.join(map(str, shape))}); more than {LARGEST:,} are not read"
        )
    data = stream.read(promised)
    if len(data) < promised or stream.read(1):
        held = f"only {len(data):,}" if len(data) < promised else "more"
        raise CellError(f"promises {promised:,} bytes ({' x '.join(map(str, shape))}) and holds {held}")
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="))
