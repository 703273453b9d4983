"""Files that are written whole or not at all: whoever reads sees the old file or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def replacing(file: Path, *, prefix: str = ".", mode: int = 0o644) -> Iterator[BinaryIO]:
    """A new file to write into, which takes the place of `file` when the block ends without an exception.

    Until then it is in the same folder, which is made if need be, under a name that starts with `prefix`. Its content
    is on disk before it takes its place. mode: its permissions. Raises OSError where it cannot be written; `file` is
    then as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=prefix)
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield cast(BinaryIO, stream)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes files that others may not read.
        scratch.chmod(mode)
        scratch.replace(file)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


def write(file: Path, content: bytes | str, *, prefix: str = ".", mode: int = 0o644) -> None:
    """Write `content` (text as UTF-8) as the whole of `file`. Raises as `replacing`."""
    with replacing(file, prefix=prefix, mode=mode) as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)
