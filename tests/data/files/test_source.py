"""Files and members of archives, and the many ways out of a folder that are closed."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmbench.data.files import archive
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root
from mmbench.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "data"
    (folder / "img").mkdir(parents=True)
    (folder / "img/7.png").write_bytes(b"seven")
    (folder / "empty.wav").touch()
    with gzip.open(folder / "x.csv.gz", "wb") as f:
        f.write(b"1,2")
    with zipfile.ZipFile(folder / "pictures.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("img/8.png", b"eight")
        z.writestr("img/deep/9.png", b"nine")
        z.writestr("empty.png", b"")
        z.writestr("a.txt.gz", gzip.compress(b"text"))
    for name, mode in (
        ("clips.tar", "w"),
        ("clips.tar.gz", "w:gz"),
        ("clips.tar.xz", "w:xz"),
        ("clips.tar.bz2", "w:bz2"),
    ):
        with tarfile.open(folder / name, mode) as t:
            for member, data in (("./b.wav", b"bee"), ("a/c.wav", b"sea")):
                info = tarfile.TarInfo(member)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("link.wav")
            link.type, link.linkname = tarfile.SYMTYPE, "../secret.txt"
            t.addfile(link)
    return Root(folder)


@pytest.mark.parametrize(
    ("name", "data", "suffix"),
    [
        ("img/7.png", b"seven", ".png"),
        ("./img//7.png", b"seven", ".png"),
        ("x.csv.gz", b"1,2", ".csv"),
        ("pictures.zip/img/8.png", b"eight", ".png"),
        ("pictures.zip/a.txt.gz", b"text", ".txt"),
        ("clips.tar/b.wav", b"bee", ".wav"),
        ("clips.tar.gz/a/c.wav", b"sea", ".wav"),
        ("clips.tar.xz/b.wav", b"bee", ".wav"),
        ("clips.tar.bz2/b.wav", b"bee", ".wav"),
    ],
)
def test_bytes_are_read_also_after_pickling(root: Root, name: str, data: bytes, suffix: str) -> None:
    source = root.source(name)
    assert source.read() == data
    assert source.suffix == suffix
    back = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert back == source
    with back.open() as stream:
        assert stream.seekable() and stream.read() == data
        stream.seek(1)
        assert stream.read() == data[1:]


def test_the_name_is_relative(root: Root) -> None:
    assert root.source("./img//7.png").name == "img/7.png"
    assert root.source("pictures.zip/img/8.png").name == "pictures.zip/img/8.png"
    assert str(root.folder) not in root.source("img/7.png").name


def test_only_a_plain_file_has_a_path(root: Root) -> None:
    assert root.source("img/7.png").file == root.folder / "img/7.png"
    assert root.source("x.csv.gz").file is None
    assert root.source("pictures.zip/img/8.png").file is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "no file is named"),
        (".", "no file is named"),
        ("../secret.txt", "leads out"),
        ("img/../../secret.txt", "leads out"),
        ("img/../img/7.png", "leads out"),
        ("..\\secret.txt", "leads out"),
        ("/etc/passwd", "absolute"),
        ("C:\\data\\7.png", "absolute"),
        ("img/7.png\0", "NUL"),
        ("x" * 5000, "cannot be read"),
        ("\ud800.png", "cannot be read"),
        ("img", "is a folder"),
        ("img/8.png", "is missing"),
        ("img\\7.png", "write / between folders"),
        ("img/7.jpg", "did you mean 'img/7.png'"),
        ("IMG/7.png", "is missing"),
        ("img/7.PNG", "did you mean 'img/7.png'"),
        ("img/7.png/8", "is a file, not a folder"),
        ("empty.wav", "empty (0 bytes)"),
        ("pictures.zip/../secret.txt", "leads out"),
        ("pictures.zip/8.png", "did you mean 'img/8.png'"),
        ("pictures.zip/empty.png", "empty (0 bytes)"),
        ("clips.tar/link.wav", "has no file"),
        ("clips.tar.gz/link.wav", "has no file"),
        ("none.zip/a", "is missing"),
    ],
)
def test_what_is_not_to_be_read_is_named(root: Root, name: str, said: str) -> None:
    with pytest.raises(CellError) as e:
        root.source(name)
    assert said in str(e.value)
    assert not root.exists(name) or said in ("is a folder", "empty (0 bytes)")


def test_links_within_the_folder_only(root: Root) -> None:
    (root.folder / "in.png").symlink_to("img/7.png")
    (root.folder / "out.txt").symlink_to(root.folder.parent / "secret.txt")
    (root.folder / "outside").symlink_to(root.folder.parent)
    (root.folder / "loop").symlink_to("loop")
    assert root.source("in.png").read() == b"seven"
    for name in ("out.txt", "outside/secret.txt", "outside/data/../secret.txt", "outside/sekret.txt", "loop"):
        with pytest.raises(CellError) as e:
            root.source(name)
        assert "did you mean" not in str(e.value), "names outside the folder are nobody's business"
        assert not root.exists(name)
    with pytest.raises(CellError, match="leads out"):
        root.glob("*.txt")


def test_a_link_to_an_archive_outside_is_not_opened(root: Root) -> None:
    with zipfile.ZipFile(root.folder.parent / "outside.zip", "w") as z:
        z.writestr("a.png", b"outside")
    (root.folder / "link.zip").symlink_to(root.folder.parent / "outside.zip")
    with pytest.raises(CellError, match="leads out"):
        root.source("link.zip/a.png")
    with pytest.raises(CellError, match="leads out"):
        root.glob("link.zip/*")


def test_a_pipe_is_no_file(root: Root) -> None:
    os.mkfifo(root.folder / "pipe.wav")
    with pytest.raises(CellError, match="no regular file"):
        root.source("pipe.wav")


def test_glob(root: Root) -> None:
    assert root.glob("img/*.png") == ["img/7.png"]
    assert root.glob("**/*.png") == ["img/7.png"]
    assert root.glob("pictures.zip/img/*.png") == ["pictures.zip/img/8.png"]
    assert root.glob("*.zip/**/*.png") == [
        "pictures.zip/empty.png",
        "pictures.zip/img/8.png",
        "pictures.zip/img/deep/9.png",
    ]
    assert root.glob("clips.tar/**/*.wav") == ["clips.tar/a/c.wav", "clips.tar/b.wav"]
    assert root.glob("*.jpg") == []
    with pytest.raises(CellError, match="leads out"):
        root.glob("../*")


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        Root(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not a folder"):
        Root(tmp_path / "file")


@pytest.mark.parametrize("evil", ["../secret.txt", "/etc/passwd", "a/../../b", "..\\b.png"])
def test_an_archive_with_evil_names_is_not_trusted(root: Root, evil: str) -> None:
    with zipfile.ZipFile(root.folder / "evil.zip", "w") as z:
        z.writestr("good.png", b"good")
        z.writestr(evil, b"evil")
    with tarfile.open(root.folder / "evil.tar.gz", "w:gz") as t:
        info = tarfile.TarInfo(evil)
        info.size = 1
        t.addfile(info, io.BytesIO(b"x"))
    for name in ("evil.zip/good.png", "evil.tar.gz/good.png"):
        with pytest.raises(CellError, match="not to be trusted"):
            root.source(name)
        assert not root.exists(name)


def test_bombs_are_bounded(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = bytes(1 << 22)
    with zipfile.ZipFile(root.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("bomb.npy", zeros)
        z.writestr("bomb.csv.gz", gzip.compress(zeros))
    (root.folder / "bomb.csv.gz").write_bytes(gzip.compress(zeros))
    with tarfile.open(root.folder / "bomb.tar.gz", "w:gz") as t:
        info = tarfile.TarInfo("bomb.wav")
        info.size = len(zeros)
        t.addfile(info, io.BytesIO(zeros))
    monkeypatch.setattr(archive, "LARGEST", 1 << 20)
    for name in ("bomb.zip/bomb.npy", "bomb.zip/bomb.csv.gz", "bomb.csv.gz", "bomb.tar.gz/bomb.wav"):
        with pytest.raises(CellError, match="more than 1 MiB"):
            root.source(name).read()


def test_a_zip_that_lies_about_a_size_is_bounded(root: Root) -> None:
    with zipfile.ZipFile(root.folder / "lie.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a", bytes(1 << 20))
    data = bytearray((root.folder / "lie.zip").read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (16).to_bytes(4, "little")
    (root.folder / "lie.zip").write_bytes(data)
    with pytest.raises(CellError, match="cannot be read"):
        root.source("lie.zip/a").read()


def test_a_member_with_a_password(root: Root) -> None:
    with zipfile.ZipFile(root.folder / "locked.zip", "w") as z:
        z.writestr("a", b"abc")
    data = bytearray((root.folder / "locked.zip").read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    (root.folder / "locked.zip").write_bytes(data)
    with pytest.raises(CellError, match="needs a password"):
        root.source("locked.zip/a").read()


@settings(max_examples=60, deadline=None)
@given(
    cut=st.floats(0, 1), flip=st.integers(0, 255), name=st.sampled_from(["zip", "tar", "tar.gz", "tar.xz", "csv.gz"])
)
@example(cut=0.83984375, flip=64, name="zip")
def test_broken_archives_give_cell_errors_only(
    tmp_path_factory: pytest.TempPathFactory, cut: float, flip: int, name: str
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    content = bytes(range(256)) * 8
    file = folder / f"x.{name}"
    if name == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("a", content)
    elif name == "csv.gz":
        file.write_bytes(gzip.compress(content))
    else:
        with tarfile.open(file, f"w:{name[4:]}") as t:
            info = tarfile.TarInfo("a")
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    data = bytearray(file.read_bytes())
    at = min(int(cut * len(data)), len(data) - 1)
    if flip:
        data[at] ^= flip
    else:
        del data[at:]
    file.write_bytes(data)
    wanted = f"x.{name}" if name == "csv.gz" else f"x.{name}/a"
    try:
        assert Root(folder).source(wanted).read() is not None
    except CellError as error:
        assert str(error)


def test_a_missing_file_later_on_is_a_cell_error(root: Root) -> None:
    source = root.source("img/7.png")
    (root.folder / "img/7.png").unlink()
    with pytest.raises(CellError, match="cannot be read"):
        source.read()


def test_bytes_in_memory() -> None:
    source = BytesSource("a.npy", b"abc")
    assert source.read() == b"abc" and source.suffix == ".npy" and source.file is None
    with pytest.raises(CellError, match="empty"):
        BytesSource("a.npy", b"").read()
