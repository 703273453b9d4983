"""Where the bytes of a cell lie, opened so that nothing outside the data set's folder is ever read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import BinaryIO


class Source(ABC):
    """Bytes with a name. Pickles, since cells are read in other processes.

    name: relative to the root, for messages: `img/7.png`, `pictures.zip/7.png`.
    """

    name: str

    @abstractmethod
    def open(self) -> BinaryIO:
        """A seekable stream. Raises CellError."""


class Root:
    """The folder that a data set's files are read from. No path leads out of it: neither `..`, nor an absolute path,
    nor a symbolic link, nor a member of an archive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
