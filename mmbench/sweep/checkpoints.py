"""Where checkpoints of trials are kept: a folder beside the ledger, into which long trials put what they stand at.

A worker of this machine writes there itself; one of a cluster through an actor on the driver's node, so that neither a
lost node nor a lost driver costs more than the minutes since the last checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmbench import atomic
from mmbench.ledger.store import Ledger

EVERY_S = 120.0
"""Seconds of a trial between two of its checkpoints. A trial that is shorter has none."""
OLD_S = 14 * 86400.0
"""Seconds after which nobody will come back to a trial that was given up."""
LARGEST = 2**32
"""Bytes of a checkpoint that is read at all."""
SUFFIX = ".checkpoint"
SCRATCH = ".writing."

Put = Callable[[str, bytes], None]


class Folder:
    """The checkpoints of a project."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, ledger: Path) -> Folder:
        """Of the project with that ledger's folder."""
        # Workers stand in other folders.
        return cls(ledger.resolve().with_name(f".{ledger.name}.checkpoints"))

    def file(self, trial_id: str) -> Path:
        return self.path / f"{trial_id}{SUFFIX}"

    def read(self, trial_id: str) -> bytes | None:
        """None where there is none that can be read."""
        file = self.file(trial_id)
        with suppress(OSError):
            if file.stat().st_size <= LARGEST:
                return file.read_bytes()
        return None

    def put(self, trial_id: str, content: bytes) -> None:
        """What cannot be written is left out: it would only save time."""
        with suppress(OSError):
            atomic.write(self.file(trial_id), content, prefix=SCRATCH)

    def remove(self, trial_id: str) -> None:
        with suppress(OSError):
            self.file(trial_id).unlink(missing_ok=True)

    def tidy(self, ledger: Ledger) -> None:
        """Remove those of finished trials, those that nobody came back to, and what was half written."""
        for file in self.path.glob(f"*{SUFFIX}"):
            with suppress(OSError):
                old = time.time() - file.stat().st_mtime > OLD_S
                if old or ledger.json_file(file.name.removesuffix(SUFFIX)).exists():
                    file.unlink(missing_ok=True)
        for file in self.path.glob(f"{SCRATCH}*"):
            with suppress(OSError):
                file.unlink(missing_ok=True)


class Kept:
    """The checkpoints of one trial. content: of the last one, where there is one; put: keeps another; every: seconds
    between two."""

    def __init__(self, trial_id: str, content: bytes | None, put: Put, every: float) -> None:
        self._trial_id, self._content, self._put, self._every = trial_id, content, put, every
        self._last = time.monotonic()

    def found(self) -> bytes | None:
        return self._content

    def due(self) -> bool:
        return time.monotonic() - self._last >= self._every

    def keep(self, content: bytes) -> None:
        self._put(self._trial_id, content)
        self._last = time.monotonic()


class Keeper:
    """An actor on the driver's node. folder: of the checkpoints."""

    def __init__(self, folder: Path) -> None:
        self._folder = Folder(folder)

    def put(self, trial_id: str, content: bytes) -> None:
        self._folder.put(trial_id, content)


class Through:
    """Keeps checkpoints through such an actor, and waits for none."""

    def __init__(self, keeper: Any) -> None:
        self._keeper = keeper

    def __call__(self, trial_id: str, content: bytes) -> None:
        self._keeper.put.remote(trial_id, content)
