"""Where the bytes of a cell lie, opened so that nothing outside the data set's folder is ever read."""

from __future__ import annotations

import fnmatch
import io
import os
import stat
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mmbench.data.files.archive import TARS, inflate, is_archive, open_archive
from mmbench.data.files.problems import CellError
from mmbench.errors import UserError


class Source(ABC):
    """Bytes with a name. Pickles, since cells are read in other processes.

    name: relative to the root, for messages: `img/7.png`, `pictures.zip/7.png`.
    """

    name: str

    @abstractmethod
    def open(self) -> BinaryIO:
        """A seekable stream. Raises CellError."""

    def read(self) -> bytes:
        """All bytes. Raises CellError."""
        with self.open() as stream:
            try:
                return stream.read()
            except OSError as error:
                raise CellError(f"cannot be read: {error.strerror or error}") from None

    @property
    def file(self) -> Path | None:
        """The file on disk whose bytes these are, for libraries that are quicker with a path; None in an archive."""
        return None

    @property
    def suffix(self) -> str:
        """In lower case, without `.gz`: `.png`, `.csv`."""
        return PurePosixPath(self.name.lower().removesuffix(".gz")).suffix


@dataclass(frozen=True)
class BytesSource(Source):
    """Bytes in memory."""

    name: str
    data: bytes

    def open(self) -> BinaryIO:
        if not self.data:
            raise CellError("is empty (0 bytes)")
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class FileSource(Source):
    """A file; one that ends in .gz is read uncompressed."""

    name: str
    path: Path

    @property
    def file(self) -> Path | None:
        return None if _is_gzip(self.name) else self.path

    def open(self) -> BinaryIO:
        try:
            # It was looked at when the table was read, and may be another by now: a pipe would be waited for.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            stream = os.fdopen(descriptor, "rb")
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) or self.path.resolve() != self.path:
                stream.close()
                raise CellError("was replaced by a pipe, a device or a link while the data set was read")
        except OSError as error:
            raise CellError(f"cannot be read: {error.strerror}") from None
        if not _is_gzip(self.name):
            return stream
        with stream:
            return BytesSource(self.name, inflate(stream, self.name)).open()


@dataclass(frozen=True)
class MemberSource(Source):
    """A file in a zip or tar archive; one that ends in .gz is read uncompressed."""

    name: str
    archive: Path
    archive_name: str
    member: str

    def open(self) -> BinaryIO:
        data = open_archive(self.archive, self.archive_name).read(self.member)
        return io.BytesIO(inflate(io.BytesIO(data), self.name) if _is_gzip(self.name) else data)


@dataclass(frozen=True)
class SeveralSources(Source):
    """Files that one cell names, in their order. Its bytes are theirs, one after another."""

    name: str
    parts: tuple[Source, ...]

    def open(self) -> BinaryIO:
        return io.BytesIO(b"".join(part.read() for part in self.parts))


SEPARATORS = (";", "|", ",")
"""Between the paths of a cell that names several files."""


def several(cell: str) -> list[str]:
    """The paths that a cell names, where it looks as if it named several files; else none. A path may have a separator
    in it: who asks looks first whether there is such a file."""
    for separator in SEPARATORS:
        parts = [part.strip() for part in cell.split(separator)]
        if len(parts) > 1 and all(PurePosixPath(part).suffix for part in parts):
            return parts
    return []


def _is_gzip(name: str) -> bool:
    return name.lower().endswith(".gz") and not name.lower().endswith(TARS)


class Root:
    """The folder that a data set's files are read from. No path leads out of it: neither `..`, nor an absolute path,
    nor a symbolic link, nor a member of an archive. Raises UserError where it is no folder."""

    def __init__(self, folder: Path) -> None:
        try:
            self.folder = folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise UserError(f"{folder} is missing; it should hold the data set's files") from None
        if not self.folder.is_dir():
            raise UserError(f"{folder} is not a folder")

    def path(self, relative: str) -> Path:
        """A file or folder below the root, its links resolved. Raises CellError where it is missing or leads out."""
        parts = _parts(relative)
        try:
            found = self._resolved(parts)
        except FileNotFoundError:
            raise CellError(f"{relative!r} is missing{_near(self.folder, parts)}") from None
        except NotADirectoryError:
            raise CellError(f"{relative!r} is missing: a part of it is a file, not a folder") from None
        except (OSError, RuntimeError, ValueError) as error:
            raise CellError(f"{relative!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if not found.is_relative_to(self.folder):
            raise CellError(
                f"{relative!r} leads out of the data set's folder through a symbolic link; copy the files into it, or "
                "name the folder where they lie as `root`"
            )
        return found

    def _resolved(self, parts: tuple[str, ...]) -> Path:
        """Raises OSError. A name is found in whichever Unicode form it is stored: macOS decomposes, others compose."""
        try:
            return self.folder.joinpath(*parts).resolve(strict=True)
        except FileNotFoundError:
            if "/".join(parts).isascii():
                raise
        here = self.folder
        for part in parts:
            if not here.joinpath(part).exists():
                inside = here.resolve(strict=True)
                if not inside.is_relative_to(self.folder):
                    raise FileNotFoundError
                part = _composed_names(inside, inside.stat().st_mtime_ns).get(unicodedata.normalize("NFC", part), part)
            here = here / part
        return here.resolve(strict=True)

    def source(self, relative: str) -> Source:
        """A file, or a member of an archive (`pictures.zip/img/7.png`). Raises CellError unless it is there and has
        something in it."""
        split = self._archive(_parts(relative))
        if split is not None:
            outer, member = split
            file = self.path(outer)
            archive = open_archive(file, outer)
            stored = archive.stored(member)
            archive.check(stored)
            return MemberSource(str(PurePosixPath(outer, member)), file, outer, stored)
        path = self.path(relative)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CellError(f"{relative!r} is {'a folder' if path.is_dir() else 'no regular file'}, not a file")
        if not status.st_size:
            raise CellError(f"{relative!r} is empty (0 bytes)")
        return FileSource(str(PurePosixPath(relative)), path)

    def exists(self, relative: str) -> bool:
        """Whether there is such a file, folder or member below the root."""
        try:
            split = self._archive(_parts(relative))
            if split is None:
                self.path(relative)
                return True
            outer, member = split
            archive = open_archive(self.path(outer), outer)
            return archive.stored(member) in archive.sizes
        except CellError:
            return False

    def glob(self, pattern: str) -> list[str]:
        """Relative paths of the files that match, sorted: `img/*.png`, `**/*.wav`, `pictures.zip/**/*.png`.

        Raises CellError where one leads out of the root.
        """
        return sorted(set(self._matches(_parts(pattern))))

    def _matches(self, parts: tuple[str, ...]) -> Iterator[str]:
        for i, part in enumerate(parts[:-1]):
            if is_archive(part):
                for outer in self._files(parts[: i + 1]):
                    members = open_archive(self.path(outer), outer).sizes
                    yield from (f"{outer}/{m}" for m in members if _match(m.split("/"), parts[i + 1 :]))
        yield from self._files(parts)

    def _files(self, parts: Sequence[str]) -> Iterator[str]:
        try:
            for found in self.folder.glob("/".join(parts)):
                relative = found.relative_to(self.folder).as_posix()
                if self.path(relative).is_file():
                    yield relative
        except (ValueError, OSError) as error:
            if isinstance(error, CellError):
                raise
            raise CellError(f"{'/'.join(parts)!r} cannot be looked for: {error}") from None

    def _archive(self, parts: tuple[str, ...]) -> tuple[str, str] | None:
        """The archive that a path leads into, and the member in it."""
        for i, part in enumerate(parts[:-1], 1):
            outer = "/".join(parts[:i])
            if is_archive(part) and self.path(outer).is_file():
                return outer, "/".join(parts[i:])
        return None


def _parts(relative: str) -> tuple[str, ...]:
    """The parts of a relative path. Raises CellError where it is none."""
    path = PurePosixPath(relative)
    if not path.parts:
        raise CellError("no file is named")
    windows = len(relative) > 2 and relative[1] == ":" and relative[2] in "\\/"
    if path.is_absolute() or windows:
        raise CellError(f"{relative!r} is an absolute path; name it relative to the data set's folder")
    if ".." in path.parts or ".." in relative.split("\\"):
        raise CellError(f"{relative!r} leads out of the data set's folder with `..`; name a file below it")
    if "\0" in relative:
        raise CellError(f"{relative!r} has a NUL character, which no file's name has")
    return path.parts


def _match(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the names of folders and file match the parts of a pattern; `**` matches any number of folders."""
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_match(names[i:], parts[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatch.fnmatchcase(names[0], parts[0]) and _match(names[1:], parts[1:])


def _near(folder: Path, parts: Sequence[str]) -> str:
    """A hint where a file differs in its suffix or in upper and lower case only; quick also in a large folder."""
    if any("\\" in part for part in parts):
        return "; write / between folders, not \\"
    parent = folder.joinpath(*parts[:-1]).resolve()
    if not parent.is_dir() or not parent.is_relative_to(folder):
        return ""
    found = _stems(parent, parent.stat().st_mtime_ns).get(PurePosixPath(parts[-1]).stem.lower())
    return f"; did you mean {'/'.join([*parts[:-1], found])!r}?" if found else ""


@lru_cache(maxsize=8)
def _composed_names(folder: Path, changed: int) -> dict[str, str]:
    """The names in a folder by their composed form; those of which two have one form are left out."""
    names = os.listdir(folder)  # noqa: PTH208
    counts = Counter(unicodedata.normalize("NFC", name) for name in names)
    return {form: name for name in names if counts[form := unicodedata.normalize("NFC", name)] == 1}


@lru_cache(maxsize=8)
def _stems(folder: Path, changed: int) -> dict[str, str]:
    return {PurePosixPath(name).stem.lower(): name for name in sorted(os.listdir(folder), reverse=True)}  # noqa: PTH208
