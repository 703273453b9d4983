"""Fetching against a real server and a real git repository: whole, as published, and once, or not at all."""

from __future__ import annotations

import hashlib
import io
import stat
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmbench.data.public import fetch as fetching
from mmbench.data.public.fetch import check, fetch
from mmbench.data.public.loader import Download, GitFolder, Origin
from mmbench.errors import UserError

CONTENT = bytes(range(256)) * 8192
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`. breaks: how many answers end before their time. ranges: whether it can begin in the middle."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/x.bin": CONTENT}
        self.breaks, self.ranges, self.after = 0, True, len(CONTENT) // 3
        self.status: int | None = None
        self.asked: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        data = server.files.get(self.path)
        if server.status is not None or data is None:
            self.send_error(server.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if wanted and server.ranges else 200)
        if wanted and server.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if server.breaks:
            server.breaks -= 1
            body = body[: server.after]
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    served = Server()
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


def origin(*downloads: Download | GitFolder, **more: object) -> Origin:
    return Origin(page="p", revision="r", licence="l", citation="c", downloads=downloads, **more)  # type: ignore[arg-type]


def quiet(what: str, done: int, total: int | None) -> None:
    pass


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    item = Download(url=server.url("/x.bin"), checksum=f"sha256:{SHA256}", path="deep/x.bin")
    assert fetch(origin(item), tmp_path, lambda *p: seen.append(p)) == ["deep/x.bin fetched and checked"]
    assert (tmp_path / "deep/x.bin").read_bytes() == CONTENT
    assert seen[-1] == ("x.bin", len(CONTENT), len(CONTENT))
    assert fetch(origin(item), tmp_path, quiet) == ["deep/x.bin is there, as published"]
    assert len(server.asked) == 1
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x.bin"]


@pytest.mark.parametrize("checksum", [SHA256.upper(), hashlib.md5(CONTENT).hexdigest()])
def test_checksums_as_they_are_published(server: Server, tmp_path: Path, checksum: str) -> None:
    fetch(origin(Download(url=server.url("/x.bin"), checksum=checksum, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").exists()


def test_a_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.breaks = 2
    fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == CONTENT
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-")) for _, wanted in server.asked[1:] if wanted]
    third = len(CONTENT) // 3
    assert len(starts) == len(server.asked) - 1 == 2
    assert all(n * third >= start > n * third - 2 * fetching.PIECE for n, start in enumerate(starts, 1))


def test_what_was_broken_off_goes_on_in_the_next_call(server: Server, tmp_path: Path) -> None:
    item = Download(url=server.url("/x.bin"), checksum=SHA256, path="x")
    server.breaks, server.after = 99, 3 * fetching.PIECE
    with pytest.raises(UserError, match="the same command goes on from there"):
        fetch(origin(item), tmp_path, quiet)
    assert not (tmp_path / "x").exists()
    have = (tmp_path / "x.part").stat().st_size
    assert have > 2 * fetching.PIECE * fetching.ATTEMPTS - 1
    server.breaks, asked = 0, len(server.asked)
    fetch(origin(item), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.asked[asked:] == [("/x.bin", f"bytes={have}-")]


def test_a_server_that_cannot_resume_starts_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, 1
    fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_whole_part_is_taken_as_it_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(CONTENT)
    fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(CONTENT + b"more")
    fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"", b"other bytes at the beginning"])
def test_another_file_than_published_is_not_kept(server: Server, tmp_path: Path, part: bytes) -> None:
    if part:
        (tmp_path / "x.part").write_bytes(part)
    else:
        server.files["/x.bin"] = CONTENT + b"!"
    item = Download(url=server.url("/x.bin"), checksum=f"sha256:{SHA256}", path="x")
    with pytest.raises(UserError, match=f"not the published file.*{SHA256}"):
        fetch(origin(item), tmp_path, quiet)
    assert not list(tmp_path.iterdir())
    if part:  # the next call starts from nothing
        fetch(origin(item), tmp_path, quiet)
        assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_file_of_the_persons_own_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(UserError, match="move it away"):
        fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert (tmp_path / "x").read_bytes() == b"mine"
    assert not server.asked


def test_errors_are_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="404"):
        fetch(origin(Download(url=server.url("/none"), checksum=SHA256, path="x")), tmp_path, quiet)
    assert len(server.asked) == 1
    server.status = 503
    with pytest.raises(UserError, match="503") as error:
        fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="x/y")), tmp_path / "in" / "deep", quiet)
    # Nothing came, so nothing is said to be kept; and no folder is left.
    assert "goes on" not in str(error.value)
    assert f"Without network: download {server.url('/x.bin')} elsewhere and put it at {tmp_path}" in str(error.value)
    assert not (tmp_path / "in").exists()
    with pytest.raises(UserError, match="checksum"):
        server.status = None
        fetch(origin(Download(url=server.url("/x.bin"), checksum="abc", path="x")), tmp_path, quiet)
    with pytest.raises(UserError, match="leads out"):
        fetch(origin(Download(url=server.url("/x.bin"), checksum=SHA256, path="../x")), tmp_path / "in", quiet)
    assert not (tmp_path / "x").exists()


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def linked(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def served(server: Server, data: bytes, unpack: str) -> Download:
    server.files["/a"] = data
    return Download(url=server.url("/a"), checksum=hashlib.sha256(data).hexdigest(), path="raw", unpack=unpack)


@pytest.mark.parametrize("unpack", ["zip", "tar"])
def test_archives_are_unpacked_once(server: Server, tmp_path: Path, unpack: str) -> None:
    data = zipped(**{"d/x": b"1", "y": b"2"}) if unpack == "zip" else tarred(
        (tarfile.TarInfo("d/x"), b"1"), (tarfile.TarInfo("y"), b"2")
    )  # fmt: skip
    item = served(server, data, unpack)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/mine").write_text("mine")
    fetch(origin(item), tmp_path, quiet)
    assert (tmp_path / "raw/d/x").read_bytes() == b"1"
    assert (tmp_path / "raw/y").read_bytes() == b"2"
    assert (tmp_path / "raw/mine").read_text() == "mine"
    assert "is there" in fetch(origin(item), tmp_path, quiet)[0]
    assert len(server.asked) == 1
    assert len(list((tmp_path / fetching.MARKS).iterdir())) == 1


def symbolic_zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return data.getvalue()


HOSTILE = {
    "zip, ..": ("zip", zipped(**{"good": b"1", "../evil": b"x"})),
    "zip, .. with backslashes": ("zip", zipped(**{"..\\evil": b"x"})),
    "zip, absolute": ("zip", zipped(**{"/tmp/evil": b"x"})),
    "zip, symbolic link": ("zip", symbolic_zip()),
    "zip, broken": ("zip", zipped(x=b"1")[:-10]),
    "zip that is none": ("zip", b"hello"),
    "tar, ..": ("tar", tarred((tarfile.TarInfo("good"), b"1"), (tarfile.TarInfo("../evil"), b"x"))),
    "tar, absolute": ("tar", tarred((tarfile.TarInfo("/tmp/evil"), b"x"))),
    "tar, symbolic link": ("tar", tarred((linked("d", ".."), b""), (tarfile.TarInfo("d/evil"), b"x"))),
    "tar, hard link": ("tar", tarred((linked("d", "/etc/passwd", tarfile.LNKTYPE), b""))),
    "tar, device": ("tar", tarred((linked("d", "", tarfile.CHRTYPE), b""))),
    "tar, truncated": ("tar", tarred((tarfile.TarInfo("x"), bytes(10_000)))[:-40]),
    "tar that is none": ("tar", b"hello"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_archives_that_lead_out_unpack_nothing(server: Server, tmp_path: Path, name: str) -> None:
    unpack, data = HOSTILE[name]
    into = tmp_path / "in"
    with pytest.raises(UserError):
        fetch(origin(served(server, data, unpack)), into, quiet)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert not [p for p in into.rglob("*") if p.is_file() and p.parent.name != fetching.MARKS]


def test_room_is_looked_for_first(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10}))
    with pytest.raises(UserError, match=r"needs .* free"):
        fetch(origin(served(server, zipped(x=b"1" * 11), "zip")), tmp_path, quiet)


def git(folder: Path, *args: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *args], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A repository whose first commit has recordings/a.wav = one; the next one changes it."""
    folder = tmp_path / "repository"
    (folder / "recordings/deep").mkdir(parents=True)
    (folder / "recordings/a.wav").write_text("one")
    (folder / "recordings/deep/b.wav").write_text("b")
    (folder / "other").write_text("other")
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    first = git(folder, "rev-parse", "HEAD")
    (folder / "recordings/a.wav").write_text("two")
    git(folder, "commit", "-am", "second")
    return folder, first


@pytest.mark.slow
def test_a_folder_of_a_repository_at_its_commit(repository: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository
    item = GitFolder(url=str(folder), commit=commit, folder="recordings", path="clips")
    into = tmp_path / "into"
    assert fetch(origin(item), into, quiet)[0].startswith("clips fetched from")
    assert (into / "clips/a.wav").read_text() == "one"
    assert (into / "clips/deep/b.wav").read_text() == "b"
    assert not (into / "other").exists()
    folder.rename(tmp_path / "gone")
    assert "is there" in fetch(origin(item), into, quiet)[0]


@pytest.mark.slow
def test_git_problems_are_told(repository: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository
    into = tmp_path / "into"
    for item in (
        GitFolder(url=str(folder), commit=commit, folder="none", path="x"),
        GitFolder(url=str(folder), commit="0" * 40, folder="recordings", path="x"),
        GitFolder(url=str(tmp_path / "nowhere"), commit=commit, folder="recordings", path="x"),
    ):
        with pytest.raises(UserError, match="cannot be fetched"):
            fetch(origin(item), into, quiet)
        assert not (into / "x").exists()
    assert not into.exists()
    with pytest.raises(
        UserError, match=f"Without network: clone .*, check out 0{{40}}, and put its folder recordings at {into}"
    ):
        fetch(origin(GitFolder(url=str(folder), commit="0" * 40, folder="recordings", path="x")), into, quiet)


def test_a_copy_that_is_there_is_used(repository: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository
    item = GitFolder(url=str(folder), commit=commit, folder="recordings", path="x")
    into = tmp_path / "into"
    (into / "x").mkdir(parents=True)
    (into / "x" / "a.wav").write_text("my own copy")
    (done,) = fetch(origin(item), into, quiet)
    assert done.startswith(f"x is there and is used; whether it is of commit {commit[:8]} is not known")
    assert (into / "x" / "a.wav").read_text() == "my own copy"
    (into / "x" / "a.wav").unlink()
    # An empty folder is no copy.
    assert fetch(origin(item), into, quiet)[0].startswith("x fetched from")
    other = GitFolder(url=str(folder), commit="1" * 40, folder="recordings", path="x")
    with pytest.raises(UserError, match=f"is of commit {commit[:8]}, not 11111111; move it away"):
        fetch(origin(other), into, quiet)


def test_files_got_by_hand_are_checked(tmp_path: Path) -> None:
    known = origin(checksums={"x.bin": f"sha256:{SHA256}"})
    assert check(known, tmp_path) == []
    (tmp_path / "x.bin").write_bytes(CONTENT)
    assert check(known, tmp_path) == ["x.bin is as published"]
    (tmp_path / "x.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match="not the published file"):
        check(known, tmp_path)
