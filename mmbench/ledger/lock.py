"""Only one sweep at a time writes to a ledger."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from mmbench.errors import UserError


def cannot_write(folder: Path, error: OSError) -> UserError:
    """What went wrong in a person's words. What the ledger already holds is untouched in every case."""
    place = str(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = f"the disk is full: no room for a result in {place}; free some space"
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        what = f"{place} cannot be written ({error.strerror}); allow writing there"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        what = f"{error.filename or place} is a file where the ledger needs a folder; move it away"
    else:
        what = f"{place} cannot be written ({error.strerror or error}); see to that"
    return UserError(f"{what}, then run again: finished trials are kept")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the ledger in a folder, which is made if need be. Raises as `Ledger.lock`."""
    # Beside the folder, not in it: what lies in it is a stage's output.
    name = f".{folder.name}"
    holder = folder.with_name(f"{name}.pid")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.with_name(f"{name}.lock"), timeout=0)
        lock.acquire()
    except filelock.Timeout:
        with suppress(OSError):
            pid = holder.read_text(encoding="utf-8").strip()
            raise UserError(
                f"another sweep (process {pid}) is writing to {folder}; wait for it to end, or stop it"
            ) from None
        raise UserError(f"another sweep is writing to {folder}; wait for it to end, or stop it") from None
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        with suppress(OSError):
            holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()
