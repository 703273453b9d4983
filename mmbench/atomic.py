"""Files that are written whole or not at all: whoever reads sees the old file or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(file: Path, *, prefix: str = ".", mode: int = 0o644, sync: bool = True) -> Iterator[BinaryIO]:
    """A new file to write into, which takes the place of `file` when the block ends without an exception.

    Until then it is in the same folder, which is made if need be, under a name that starts with `prefix`. Its content
    is on disk before it takes its place. mode: its permissions. sync: False of a file that can be made again; it may
    be empty after a power cut. Raises OSError where it cannot be written; `file` is then as it was.
    """
    handle, name = _scratch(file.parent, prefix)
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            # mkstemp makes files that others may not read.
            os.fchmod(handle, mode)
            if sync:
                os.fsync(handle)
        scratch.replace(file)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


def _scratch(folder: Path, prefix: str) -> tuple[int, str]:
    """A new, open file in a folder, which is made if need be."""
    try:
        return tempfile.mkstemp(dir=folder, prefix=prefix)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=folder, prefix=prefix)


def write(file: Path, content: bytes | str, *, prefix: str = ".", mode: int = 0o644, sync: bool = True) -> None:
    """Write `content` (text as UTF-8) as the whole of `file`. Raises as `replacing`."""
    with replacing(file, prefix=prefix, mode=mode, sync=sync) as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)
