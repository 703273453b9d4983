"""Members of archives, read one by one; nothing is ever unpacked into a folder.

A compressed stream tells nobody how much it will become, so every read is bounded, and an archive with a member whose
name leads out of it is not read at all.
"""

from __future__ import annotations

import gzip
import lzma
import os
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from mmbench.data.files.problems import CellError, reason

LARGEST = 1 << 30
"""Bytes that one member may have when it is uncompressed."""

RATIO = 20
"""A compressed tar, as a whole, may grow by so much, or to LARGEST; it is held uncompressed on disk to be read in any
order."""

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
SUFFIXES = (".zip", *TARS)

BROKEN = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, struct.error,
    ValueError, IndexError, OverflowError, NotImplementedError,
)  # fmt: skip
"""What the readers of archives raise where bytes are damaged, or where a format is not known to them."""


def is_archive(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def inflate(stream: IO[bytes], name: str) -> bytes:
    """All of a gzip stream. Raises CellError where it is broken or has more than LARGEST bytes."""
    try:
        with gzip.GzipFile(fileobj=stream) as unzipped:
            data = unzipped.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CellError(f"{name} is not a whole gzip file ({reason(error)}); compress or copy it again") from None
    if len(data) > LARGEST:
        raise CellError(f"{name} is more than {_size(LARGEST)} when it is uncompressed; unpack it into the folder")
    return data


class Archive(ABC):
    """A zip or tar file, open. name: for messages."""

    name: str
    sizes: Mapping[str, int]
    """The uncompressed size of every regular file in it, by its name with / between folders."""
    others: tuple[str, ...] = ()
    """Members that are neither regular files nor folders, such as links; they are not read."""

    def stored(self, member: str) -> str:
        """The name under which a member is stored, whichever Unicode form it is in; itself where there is none."""
        if member in self.sizes or member.isascii():
            return member
        return self._composed.get(unicodedata.normalize("NFC", member), member)

    @cached_property
    def _composed(self) -> dict[str, str]:
        return {unicodedata.normalize("NFC", name): name for name in self.sizes}

    def read(self, member: str) -> bytes:
        """The bytes of a member. Raises CellError."""
        self.check(member)
        try:
            return self._read(member)
        except BROKEN as error:
            raise CellError(f"{self.name}/{member} cannot be read ({reason(error)}); make the archive again") from None
        except RuntimeError:  # Of which NotImplementedError, an unknown compression, is a kind.
            raise CellError(f"{self.name}/{member} needs a password; store it without one") from None

    def check(self, member: str) -> None:
        """Raises CellError unless `member` is a file in it, of a bounded size, with something in it."""
        if member not in self.sizes:
            raise CellError(f"{self.name} has no file {member!r}{_near(member, self.sizes)}")
        if self.sizes[member] > LARGEST:
            raise CellError(
                f"{self.name}/{member} is {_size(self.sizes[member])} when it is uncompressed, more than "
                f"{_size(LARGEST)}; unpack it into the folder"
            )
        if not self.sizes[member]:
            raise CellError(f"{self.name}/{member} is empty (0 bytes)")

    @abstractmethod
    def _read(self, member: str) -> bytes: ...


class _Zip(Archive):
    def __init__(self, file: Path, name: str) -> None:
        self.name, self._zip = name, zipfile.ZipFile(file)
        files = [i for i in self._zip.infolist() if not i.is_dir()]
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for i in files:
            if self._infos.setdefault(_inside(i.filename, name), i) is not i:
                raise CellError(f"{name} has two members {i.filename!r}; make the archive again with one of them")
        self.sizes = {member: i.file_size for member, i in self._infos.items()}

    def _read(self, member: str) -> bytes:
        return self._zip.read(self._infos[member])


class _Tar(Archive):
    def __init__(self, file: Path, name: str) -> None:
        self.name = name
        plain: IO[bytes] = file.open("rb")
        if not name.lower().endswith(".tar"):
            # Seeking in a compressed stream starts from its beginning: members in any order would take for ever.
            with plain:
                plain = _uncompressed(file, name)
        self._file, self._offsets, sizes, others = plain, {}, {}, []
        with tarfile.TarFile(fileobj=plain) as tar:
            for info in tar:
                if info.isreg() and not info.issparse():
                    member = _inside(info.name, name)
                    self._offsets[member], sizes[member] = info.offset_data, info.size
                elif not info.isdir():
                    others.append(info.name)
        self.sizes, self.others = sizes, tuple(others)

    def _read(self, member: str) -> bytes:
        data = os.pread(self._file.fileno(), self.sizes[member], self._offsets[member])
        if len(data) < self.sizes[member]:
            raise EOFError("the archive ends within it")
        return data


def _uncompressed(file: Path, name: str) -> IO[bytes]:
    """A temporary file of the tar within. Raises CellError where it grows too much."""
    import bz2

    lower = name.lower()
    opened = gzip.open if lower.endswith("gz") else bz2.open if lower.endswith("bz2") else lzma.open
    most, made = max(LARGEST, RATIO * file.stat().st_size), tempfile.TemporaryFile()  # noqa: SIM115 - stays open with the archive
    with opened(file) as stream:
        while block := stream.read(1 << 20):
            made.write(block)
            if made.tell() > most:
                made.close()
                raise CellError(f"{name} is more than {_size(most)} when it is uncompressed; unpack it into the folder")
    made.flush()
    made.seek(0)
    return made


def open_archive(file: Path, name: str) -> Archive:
    """The archive, opened once a process. Raises CellError where it is broken or has names that lead out of it."""
    try:
        stat = file.stat()
        # A forked process must not share its parent's place in a file.
        return _opened(file, name, stat.st_mtime_ns, stat.st_size, os.getpid())
    except BROKEN as error:
        if isinstance(error, CellError):
            raise
        raise CellError(f"{name} is not a whole archive ({reason(error)}); copy or make it again") from None


@lru_cache(maxsize=16)
def _opened(file: Path, name: str, changed: int, size: int, process: int) -> Archive:
    return _Zip(file, name) if name.lower().endswith(".zip") else _Tar(file, name)


def _inside(member: str, archive: str) -> str:
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or "\\" in member or "\0" in member:
        raise CellError(f"{archive} has a member {member!r}, whose name leads out of it; it is not to be trusted")
    return str(path)


def _near(member: str, known: Mapping[str, int]) -> str:
    """A hint, quick also among a million names."""
    last = PurePosixPath(member).name
    found = next((name for name in known if PurePosixPath(name).name.lower() == last.lower()), None)
    return f"; did you mean {found!r}?" if found else ""


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
