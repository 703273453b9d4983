"""What has passed before need not be run again: cells of exhaustive grids, kept in pytest's cache by their source.

A cell counts as passed while nothing that its outcome depends on has changed: the source of its own variants, of the
test, of everything that both import, and the versions of Python and of the libraries that compute. CI may keep
`.pytest_cache` from one run to the next. `pytest --cache-clear` forgets everything; without pytest's cache
(`-p no:cacheprovider`) every cell runs.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Collection
from pathlib import Path

import numpy
import torch

from mmbench.source import modules

MACHINE = " ".join([platform.python_version(), platform.machine(), torch.__version__, numpy.__version__])


class Passed:
    """One file per cell, which holds the digest of the source that it last passed with.

    folder: where; None: nothing is known and nothing is kept. test: the module of the test that asks.
    """

    def __init__(self, folder: Path | None, test: str) -> None:
        self.folder = folder
        self.test = test

    def digest(self, variants: Collection[str]) -> str:
        """SHA-256 over everything that the outcome depends on. variants: the modules of the cell's variants."""
        return hashlib.sha256(f"{MACHINE} {modules.digest({self.test, *variants})}".encode()).hexdigest()

    def before(self, cell: str, variants: Collection[str]) -> bool:
        """Whether the cell has passed with the source as it is."""
        file = self._file(cell)
        return file is not None and file.is_file() and file.read_text(encoding="ascii") == self.digest(variants)

    def note(self, cell: str, variants: Collection[str]) -> None:
        """The cell has passed. A file that is cut short agrees with no digest, so the cell would run again."""
        file = self._file(cell)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.digest(variants), encoding="ascii")

    def _file(self, cell: str) -> Path | None:
        return None if self.folder is None else self.folder / self.test / cell.replace(" ", "+")
