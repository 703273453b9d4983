"""Files of public data sets, fetched once: resumed where a connection broke, checked against what is published."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mmbench.data.files.archive import BROKEN
from mmbench.data.public.loader import Download, GitFolder, Origin
from mmbench.errors import UserError

Watch = Callable[[str, int, int | None], None]
"""Told of progress: what, bytes so far, bytes in all where they are known."""

ATTEMPTS = 5
PAUSE_S = 1.0
TIMEOUT_S = (10, 60)
PIECE = 1 << 16
"""Bytes; as many at most are lost where a connection breaks."""
MARKS = ".fetched"
"""A folder beside the files: what was unpacked or cloned is noted there, so that it is not fetched twice."""


def fetch(origin: Origin, into: Path, watch: Watch) -> list[str]:
    """Fetch into the folder what is not there yet. Returns what was done, a line for each.

    Raises UserError where something cannot be fetched or is not what was published; then no such file is left.
    """
    folders = {into / MARKS, *(_below(into, item.path).parent for item in origin.downloads)}
    new = {p for folder in folders for p in (folder, *folder.parents) if not p.exists()}
    into.mkdir(parents=True, exist_ok=True)
    try:
        return [
            _git(item, into, watch) if isinstance(item, GitFolder) else _download(item, into, watch)
            for item in origin.downloads
        ]
    except UserError:
        for folder in sorted(new, key=lambda p: -len(p.parts)):
            with suppress(OSError):
                folder.rmdir()
        raise


def check(origin: Origin, into: Path) -> list[str]:
    """The files got by hand that are as published. Raises UserError where one is another."""
    found = []
    for path, checksum in origin.checksums.items():
        file = _below(into, path)
        if file.is_file():
            _verify(file, checksum, f"{file} is not the published file; fetch it again, or rename what is your own")
            found.append(f"{path} is as published")
    return found


def _below(into: Path, path: str) -> Path:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise UserError(f"{path!r} leads out of the data set's folder")
    return into / pure


def _download(item: Download, into: Path, watch: Watch) -> str:
    target = _below(into, item.path)
    mark = into / MARKS / f"{hashlib.sha256(item.url.encode()).hexdigest()[:16]}"
    name = item.url.rsplit("/", 1)[-1]
    if item.unpack:
        if mark.exists() and mark.read_text() == item.checksum and target.is_dir():
            return f"{name} is there, unpacked in {item.path}"
        mark.parent.mkdir(exist_ok=True)
        archive = mark.with_suffix(f".{item.unpack}")
        _get(item.url, archive, item.checksum, watch, by_hand=f"download {item.url} elsewhere and put it at {archive}")
        _unpack(archive, item.unpack, target)
        archive.unlink()
        mark.write_text(item.checksum)
        return f"{name} fetched, checked and unpacked into {item.path}"
    if target.exists():
        _verify(target, item.checksum, f"{target} is not the published file; move it away, and fetch again")
        return f"{item.path} is there, as published"
    target.parent.mkdir(parents=True, exist_ok=True)
    _get(item.url, target, item.checksum, watch, by_hand=f"download {item.url} elsewhere and put it at {target}")
    return f"{item.path} fetched and checked"


def _get(url: str, target: Path, checksum: str, watch: Watch, *, by_hand: str) -> None:
    """Download to `target`, which appears whole and checked or not at all; what came so far is in `target.part`.

    by_hand: what to do without network.
    """
    import requests

    part = target.with_name(f"{target.name}.part")
    if target.exists():
        _verify(target, checksum, f"{target} is not the published file; move it away, and fetch again")
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _more(url, part, watch)
            break
        except requests.HTTPError as error:
            raise UserError(f"{url} cannot be fetched: {error.response.status_code} {error.response.reason}") from None
        except requests.RequestException as error:
            if attempt == ATTEMPTS:
                kept = part.exists() and part.stat().st_size > 0
                goes_on = "What came is kept, and the same command goes on from there. " if kept else ""
                raise UserError(
                    f"{url} cannot be fetched after {ATTEMPTS} attempts: {error}\n{goes_on}Without network: {by_hand}; "
                    "then run this command again"
                ) from None
            time.sleep(PAUSE_S * attempt)
    try:
        _verify(part, checksum, f"{url} is not the published file; it is not kept")
    except UserError:
        part.unlink()
        raise
    part.replace(target)


def _more(url: str, part: Path, watch: Watch) -> None:
    """Append what `part` lacks. Raises requests.RequestException where the connection breaks."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    # Compressed on the way, the bytes would not be those of the file, and could not be resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and have:
            whole = response.headers.get("Content-Range", "").removeprefix("bytes */")
            if whole != str(have):
                part.unlink()
                raise requests.ConnectionError("the file has another length than before")
            return
        if response.status_code >= requests.codes.internal_server_error:
            raise requests.ConnectionError(f"{response.status_code} {response.reason}")
        response.raise_for_status()
        resumes = response.status_code == requests.codes.partial_content
        if resumes and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise requests.ConnectionError("the server sent another part than was asked for")
        done = have if resumes else 0
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        with part.open("ab" if resumes else "wb") as file:
            for piece in response.iter_content(PIECE):
                file.write(piece)
                done += len(piece)
                watch(url.rsplit("/", 1)[-1], done, total)


def _verify(file: Path, checksum: str, message: str) -> None:
    """checksum: `sha256:...`, `md5:...`, or the digits alone. Raises UserError where it differs."""
    kind, _, digits = checksum.rpartition(":")
    kind = kind or {32: "md5", 64: "sha256"}.get(len(digits), "")
    if kind not in ("md5", "sha256"):
        raise UserError(f"checksum {checksum!r} is neither sha256 nor md5")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != digits.lower():
        raise UserError(f"{message} ({kind} {found}, published {digits.lower()})")


def _git(item: GitFolder, into: Path, watch: Watch) -> str:
    target = _below(into, item.path)
    mark = into / MARKS / f"{hashlib.sha256(f'{item.url} {item.folder}'.encode()).hexdigest()[:16]}"
    if mark.exists() and mark.read_text() == item.commit and target.exists():
        return f"{item.path} is there, of commit {item.commit[:8]}"
    known = mark.read_text() if mark.exists() else None
    if (target.is_dir() and any(target.iterdir())) or target.is_file():
        if known not in (None, item.commit):
            raise UserError(
                f"{target} is of commit {str(known)[:8]}, not {item.commit[:8]}; move it away, and fetch again"
            )
        return (
            f"{item.path} is there and is used; whether it is of commit {item.commit[:8]} is not known, since "
            "mmbench did not fetch it"
        )
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    mark.parent.mkdir(exist_ok=True)
    coming = mark.with_suffix(".coming")
    shutil.rmtree(coming, ignore_errors=True)
    watch(f"{item.url} at {item.commit[:8]}", 0, None)
    try:
        Repo.get(item.url, item.folder, out=str(coming), rev=item.commit)
    except (DvcException, SCMError, OSError) as error:
        shutil.rmtree(coming, ignore_errors=True)
        raise UserError(
            f"{item.folder} of {item.url} at {item.commit} cannot be fetched: {error}\nWithout network: clone "
            f"{item.url} elsewhere, check out {item.commit}, and put its folder {item.folder} at {target}; then run "
            "this command again"
        ) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    coming.replace(target)
    mark.write_text(item.commit)
    return f"{item.path} fetched from {item.url} at {item.commit[:8]}"


def _unpack(archive: Path, kind: str, target: Path) -> None:
    """Raises UserError, and unpacks nothing, where a member would lie outside `target`, is no plain file or folder, or
    where there is not enough room."""
    coming = archive.with_suffix(".coming")
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir()
    try:
        if kind == "zip":
            with zipfile.ZipFile(archive) as opened:
                members = [(m.filename, m.file_size, _plain(m)) for m in opened.infolist()]
                _allow(archive, members)
                opened.extractall(coming)
        else:
            with tarfile.open(archive) as opened_tar:
                found = opened_tar.getmembers()
                _allow(archive, [(m.name, m.size, m.isreg() or m.isdir()) for m in found])
                # Python before 3.11.4 has no filters; what they refuse was refused above.
                opened_tar.extraction_filter = getattr(tarfile, "data_filter", None)
                opened_tar.extractall(coming)
        for file in _leaves(coming):
            place = target / file.relative_to(coming)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
    except UserError:
        raise
    except (*BROKEN, RuntimeError) as error:  # RuntimeError: a password.
        raise UserError(f"the archive for {target} cannot be unpacked: {error}") from None
    finally:
        shutil.rmtree(coming, ignore_errors=True)


def _plain(member: zipfile.ZipInfo) -> bool:
    """Whether it is a file or a folder: the upper half of the attributes is Unix's mode, whose first digit tells."""
    return (member.external_attr >> 28) in (0, 0o4, 0o10)


def _allow(archive: Path, members: list[tuple[str, int, bool]]) -> None:
    for name, _, plain in members:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not plain:
            raise UserError(f"the archive has {name!r}, which leads out of it or is no file; nothing is unpacked")
    needed, free = sum(size for _, size, _ in members), shutil.disk_usage(archive.parent).free
    if needed > free:
        raise UserError(f"unpacking needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; nothing is unpacked")


def _leaves(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file())
