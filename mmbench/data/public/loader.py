"""What a public data set is: its format read as it is distributed, and where it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mmbench.data.files.source import Root
from mmbench.data.table.table import Table


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that can be fetched openly. url; checksum: as published, `sha256:...`, `md5:...` or these digits alone.
    path: where it goes below the root; of an archive that is unpacked, the folder.

    unpack: "zip", "tar" or "" - archives whose files the loader reads as members are not unpacked.
    """

    url: str
    checksum: str
    path: str
    unpack: str = ""


@dataclass(frozen=True, kw_only=True)
class GitFolder:
    """A folder of a public git repository at a pinned commit, fetched with DVC."""

    url: str
    commit: str
    folder: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a data set comes from. by_hand: for one that is gated or has no checksum to trust: exactly what to download
    from where and where to put it. checksums: of files got by hand, as published: path below the root -> `sha256:...`.
    warning: such as several data sets of one name."""

    page: str
    revision: str
    licence: str
    citation: str
    downloads: tuple[Download | GitFolder, ...] = ()
    by_hand: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""


class Loader(ABC):
    """A public data set; a variant of the axis `dataset`. Its constructor's keywords are its options."""

    origin: ClassVar[Origin]
    description: ClassVar[str]

    @abstractmethod
    def table(self, root: Root) -> Table:
        """The samples below `root`, in the format in which the data set is distributed.

        Raises DataError naming what is missing or broken, and where it should lie.
        """
