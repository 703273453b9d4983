"""The head of a WAV file: whether it holds the sound that it claims, and one whose writer could not know its length."""

from __future__ import annotations

import io
from typing import BinaryIO

from mmbench.data.files.problems import CellError

OPEN_ENDED = ((0, 0), (0x7FFF0000, 0x80000000), (0xFFFF0000, 0xFFFFFFFF))
"""Lengths that stand for "until the end", from and to. What is written into a pipe claims nothing, or the most there
can be, less some headers."""

HEAD = 12


def whole(stream: BinaryIO) -> io.BytesIO | None:
    """The file with its length put right, where it is one of those; None where it can be read as it is.

    Raises CellError where its samples claim more bytes than there are: libsndfile trims them silently.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(HEAD)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    while len(chunk := stream.read(8)) == 8:
        claimed, start = int.from_bytes(chunk[4:], "little"), stream.tell()
        if chunk[:4] != b"data":
            stream.seek(claimed + claimed % 2, 1)
            continue
        there = size - start
        if claimed <= there and (claimed or not there or _is_chunks(stream, start, size)):
            return None
        # About 2 GiB are a length, too, where the file says of itself as a whole how long it is.
        known = int.from_bytes(head[4:8], "little") == size - 8 and 0 < claimed <= 0x80000000
        if known or not any(least <= claimed <= most for least, most in OPEN_ENDED):
            raise CellError(f"claims {claimed:,} bytes of sound, but has {there:,}; copy it again")
        stream.seek(0)
        mended = bytearray(stream.read())
        mended[start - 4 : start] = min(there, 0xFFFFFFFF).to_bytes(4, "little")
        mended[4:8] = min(size - 8, 0xFFFFFFFF).to_bytes(4, "little")
        return io.BytesIO(bytes(mended))
    return None


def _is_chunks(stream: BinaryIO, at: int, size: int) -> bool:
    """Whether further chunks follow, to the end of the file: then there really is no sound."""
    while at + 8 <= size:
        stream.seek(at)
        chunk = stream.read(8)
        length = int.from_bytes(chunk[4:], "little")
        if not chunk[:4].isascii() or not chunk[:4].decode().isprintable():
            return False
        at += 8 + length + length % 2
    return at in (size, size + 1)
