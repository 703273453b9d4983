"""What is in a folder and not in the data set is counted and named, by `init` and by `check`."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from mmbench.cli import main
from mmbench.data.decode.factory import decoder
from mmbench.data.files.endings import ENDINGS, SUFFIXES
from mmbench.data.files.folder import contents
from mmbench.data.files.left_out import Passed
from mmbench.data.files.source import Root
from mmbench.data.files.walk import walk
from mmbench.errors import UserError
from tests.cli.test_data import project as project
from tests.support.folders import content, drafted, fill, rows, unused

CLASSES = [f"{c}/{i:03}.png" for i, c in enumerate(["cat", "dog"] * 15)]


def encoded(path: Path) -> None:
    """Write a film or a sound with FFmpeg, in the format that the ending says."""
    video = {
        ".webm": ("webm", "libvpx"), ".mpg": ("mpeg", "mpeg1video"), ".mpeg": ("mpeg", "mpeg1video"),
        ".m2v": ("mpeg2video", "mpeg2video"), ".vob": ("vob", "mpeg2video"), ".mxf": ("mxf", "mpeg2video"),
        **dict.fromkeys((".ts", ".mts", ".m2ts"), ("mpegts", "mpeg2video")), ".flv": ("flv", "flv"),
        **dict.fromkeys((".wmv", ".asf"), ("asf", "wmv2")), ".mkv": ("matroska", "mpeg4"),
        ".3gp": ("3gp", "mpeg4"), ".3g2": ("3g2", "mpeg4"), ".avi": ("avi", "mpeg4"), ".mov": ("mov", "mpeg4"),
        ".mp4": ("mp4", "mpeg4"), ".m4v": ("mp4", "mpeg4"),
    }  # fmt: skip
    audio = {
        ".m4a": ("mp4", "aac"),
        ".aac": ("adts", "aac"),
        ".mka": ("matroska", "pcm_s16le"),
        ".weba": ("webm", "libopus"),
    }
    with av.open(str(path), "w", format=(video | audio)[path.suffix][0]) as made:
        if path.suffix in video:
            stream = made.add_stream(video[path.suffix][1], rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for i in range(6):
                frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 40 * i, np.uint8), format="rgb24")
                made.mux(stream.encode(frame))
        else:
            codec = audio[path.suffix][1]
            stream = made.add_stream(codec, rate=48_000 if codec == "libopus" else 16_000, layout="mono")
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
            wave.sample_rate = 16_000
            form = "s16" if codec.startswith("pcm") else stream.format.name
            resampler = av.AudioResampler(form, "mono", stream.rate, stream.codec_context.frame_size or 1024)
            for piece in [*resampler.resample(wave), *resampler.resample(None)]:
                made.mux(stream.encode(piece))
        made.mux(stream.encode(None))


SOUNDS = {
    **dict.fromkeys((".ogg", ".oga"), "OGG"), **dict.fromkeys((".aiff", ".aif", ".aifc"), "AIFF"),
    **dict.fromkeys((".au", ".snd"), "AU"), ".wav": "WAV", ".flac": "FLAC", ".mp3": "MP3", ".caf": "CAF", ".w64": "W64",
}  # fmt: skip
NOT_WRITTEN = (".wma", ".ogv", ".opus")
"""What FFmpeg here reads and does not write; Opus is written as .ogg is."""


@pytest.mark.parametrize("ending", [e for e in SUFFIXES if e not in NOT_WRITTEN and SUFFIXES[e] != "vector"])
def test_what_is_offered_can_be_read(tmp_path: Path, ending: str) -> None:
    kind, file = SUFFIXES[ending], tmp_path / f"a{ending}"
    if kind == "image":
        image = Image.fromarray(np.full((20, 30, 3), 200, np.uint8))
        image.save(file, Image.registered_extensions()[ending] if ending != ".pbm" else "PPM")
    elif ending in SOUNDS:
        soundfile.write(file, np.full(8000, 0.1, np.float32), 16_000, format=SOUNDS[ending])
    elif kind == "text":
        file.write_text("a text")
    else:
        encoded(file)
    options = {"side": 16} if kind == "image" else {}
    made, source = decoder(kind, options), Root(tmp_path).source(file.name)
    if kind == "text":
        assert source.read() == b"a text"
        return
    made.fit([source])
    values = made.decode(source)[0]
    assert values.size and (kind != "image" or abs(float(values.mean()) - 200) < 4)
    assert kind != "video" or len(values) == 6 or ending in (".vob", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".m2v")


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_every_offered_ending_makes_a_sample(tmp_path: Path, kind: str) -> None:
    endings = ENDINGS[kind]
    fill(tmp_path, [f"{c}/{i}{e}" for i, (e, c) in enumerate((e, c) for e in endings for c in ("cat", "dog"))])
    for i, ending in enumerate(endings):
        (tmp_path / "cat" / f"upper{i}{ending.upper()}").write_bytes(content(f"x{ending}"))
    made = drafted(tmp_path)
    assert (made.samples, unused(made)) == (3 * len(endings), {})


def test_endings_that_are_not_read_are_counted_and_named(tmp_path: Path) -> None:
    fill(tmp_path, [f"cat/{i}.{e}" for i, e in enumerate(["jpg"] * 8 + ["jfif"] * 2 + ["HEIC"] * 3 + ["xyz", "json"])])
    fill(tmp_path, [f"dog/{i}.{e}" for i, e in enumerate(["jpg"] * 8 + ["jfif"] * 2 + ["heic"] * 2 + ["svg", "heif"])])
    made = drafted(tmp_path)
    assert made.samples == 20
    (left,) = made.unused
    assert (left.why, left.count) == ("ending", 9)
    assert ".heic 5 (cat/10.HEIC, ...), .xyz 1 (cat/13.xyz), .json 1 (cat/14.json)" in left.what
    assert "save .heic and .heif as .jpg, .svg as .png" in left.what


@pytest.mark.parametrize(
    "notes",
    [
        ["README.txt"],
        ["cat/readme.txt"],
        ["LICENSE.txt", "train_list.txt", "classes.txt"],
        ["cat/about.txt", "dog/about.txt"],
        ["cat/2019 holidays.txt"],
        ["dog/list.txt", "notes.txt", "wnids.txt"],
    ],
)
def test_a_text_among_pictures_is_a_note(tmp_path: Path, notes: list[str]) -> None:
    made = drafted(fill(tmp_path, [*CLASSES, *notes]))
    assert made.manifest is not None and made.manifest.splitlines()[0] == "image,label"
    assert made.samples == 30 and unused(made) == {"stray": len(notes)}
    assert "target: {classification: label}               # cat 15, dog 15" in made.card
    (left,) = made.unused
    assert sorted(notes)[0] in left.what or sorted(notes)[-1] in left.what


@pytest.mark.parametrize("note", ["README.txt", "cat/readme.txt", "cat/notes.txt", "captions.txt"])
def test_a_note_among_pictures_with_texts_is_no_sample(tmp_path: Path, note: str) -> None:
    made = drafted(fill(tmp_path, [*CLASSES, *(p.replace("png", "txt") for p in CLASSES[:-1]), note]))
    assert (made.samples, unused(made)) == (30, {"stray": 1})


def test_a_text_whose_picture_lacks_is_a_sample_still(tmp_path: Path) -> None:
    texts = [p.replace("png", "txt") for p in CLASSES]
    found = rows(fill(tmp_path, [*CLASSES[2:], *texts]))
    assert len(found) == 30 and [row["text"] for row in found if not row["image"]] == ["cat/000.txt", "dog/001.txt"]


def test_few_captions_are_texts_of_their_pictures(tmp_path: Path) -> None:
    found = rows(fill(tmp_path, [*CLASSES, "cat/004.txt", "dog/005.txt", "README.txt"]))
    assert len(found) == 30 and [row["text"] for row in found if row["text"]] == ["cat/004.txt", "dog/005.txt"]


def test_pictures_outside_the_class_folders_are_named(tmp_path: Path) -> None:
    made = drafted(fill(tmp_path, [*CLASSES, "preview.png", "logo.jpg"]))
    assert (made.samples, unused(made)) == (30, {"no class": 2})
    assert "target: {classification: label}               # cat 15, dog 15" in made.card


def test_a_test_folder_without_classes_does_not_take_them_from_the_others(tmp_path: Path) -> None:
    made = drafted(fill(tmp_path, [*(f"train/{p}" for p in CLASSES), *(f"test/{i:05}.png" for i in range(50))]))
    assert (made.samples, unused(made)) == (30, {"no class": 50})
    assert "# cat 15, dog 15" in made.card


def test_a_second_file_of_a_name_is_named(tmp_path: Path) -> None:
    made = drafted(fill(tmp_path, [*CLASSES, "cat/000.jpg", "dog/001.webp"]))
    assert (made.samples, unused(made)) == (30, {"double": 2})


def links(folder: Path) -> Path:
    """Twenty pictures, ten links to others elsewhere, and other links."""
    elsewhere = fill(folder / "elsewhere", CLASSES[20:])
    inside = fill(folder / "in", CLASSES[:20])
    for path in CLASSES[20:]:
        (inside / path).symlink_to(elsewhere / path)
    return inside


def test_links_that_lead_out_are_named(tmp_path: Path) -> None:
    inside = links(tmp_path)
    made = drafted(inside)
    assert (made.samples, unused(made)) == (20, {"link": 10})
    assert (
        "10 symbolic links lead out of the folder (cat/020.png, cat/022.png, ...); copy the files"
        in made.unused[0].what
    )
    assert "`root`" in made.unused[0].what


def test_other_links_and_what_is_no_file_are_named(tmp_path: Path) -> None:
    inside = fill(tmp_path / "in", CLASSES)
    fill(tmp_path / "out", ["bird/1.png"])
    (inside / "bird").symlink_to(tmp_path / "out" / "bird")
    (inside / "also").symlink_to(inside / "cat")
    (inside / "cat" / "gone.png").symlink_to("nowhere.png")
    (inside / "cat" / "loop.png").symlink_to("loop.png")
    (inside / "dog" / "same.png").symlink_to(inside / "dog" / "001.png")
    os.mkfifo(inside / "cat" / "pipe.png")
    made = drafted(inside)
    assert (made.samples, unused(made)) == (31, {"linked folder": 2, "broken link": 2, "special": 1})


def test_a_folder_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [*CLASSES, "bird/1.png"])
    scan = os.scandir

    def refuse(path: str | Path) -> object:
        if Path(path).name == "bird":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr("mmbench.data.files.walk.os.scandir", refuse)
    passed: list[Passed] = []
    assert len(list(walk(tmp_path, passed))) == 30
    assert passed == [Passed("bird/", "closed")]


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "animals.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return folder


MAC = {f"animals/{p}": content(p, i) for i, p in enumerate(CLASSES)} | {
    f"__MACOSX/animals/{p.replace('/', '/._')}": b"\0\5\x16\7" for p in CLASSES
}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"animals/.DS_Store": b"x"}, {"system": 30}),
        ({"animals/cat/Thumbs.db": b"x", "animals/._x.png": b"x"}, {"system": 31}),
        ({"animals/cat/a.heic": b"x", "animals/inner.zip": b"x"}, {"system": 30, "ending": 1, "archive": 1}),
        ({"animals/README.txt": b"x"}, {"system": 30, "stray": 1}),
    ],
)
def test_members_of_archives_are_samples_or_named(tmp_path: Path, more: dict[str, bytes], told: dict[str, int]) -> None:
    made = drafted(zipped(tmp_path, MAC | more))
    assert made.samples == 30 and unused(made) == told


def test_links_in_a_tar_are_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for i, path in enumerate(CLASSES):
            info, data = tarfile.TarInfo(path), content(path, i)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("cat/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "000.png"
        archive.addfile(link)
    made = drafted(tmp_path)
    assert (made.samples, unused(made)) == (30, {"special": 1})


def test_an_unpacked_archive_of_a_mac_is_read_as_the_archive_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped(tmp_path, MAC) / "animals.zip") as archive:
        archive.extractall(tmp_path / "out")
    made = drafted(tmp_path / "out")
    assert (made.samples, unused(made)) == (30, {"system": 30})


def test_a_broken_archive_beside_files_is_named_and_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "more.zip").write_bytes(b"PK no archive")
    with pytest.raises(UserError, match=r"more\.zip is not a whole archive"):
        drafted(tmp_path)
    made = drafted(fill(tmp_path, CLASSES))
    assert (made.samples, unused(made)) == (30, {"damaged": 1})


def test_hidden_files_of_the_system_are_no_news(tmp_path: Path) -> None:
    fill(tmp_path, [*CLASSES, ".DS_Store", "cat/.DS_Store", "dog/Thumbs.db", ".git/config"])
    assert unused(drafted(tmp_path)) == {}
    assert {p.why for p in contents(tmp_path).passed} == {"system"}


def test_columns_and_tables_that_are_not_taken_are_named(tmp_path: Path) -> None:
    fill(tmp_path, [*CLASSES, "spare/1.png", "notes.md"])
    lines = [f"{p},{i},{p[:3]},7" for i, p in enumerate(CLASSES)]
    (tmp_path / "main.csv").write_text("\n".join(["photo,number,label,seven", *lines]), encoding="utf-8")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    made = drafted(tmp_path)
    assert unused(made) == {"table": 1, "no row": 1, "ending": 1, "column": 2}
    assert "2 columns of main.csv: number, seven" in [left.what for left in made.unused]


@pytest.mark.parametrize("outside", [True, False])
def test_init_check_and_page_say_the_same(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], outside: bool
) -> None:
    home = project / "data/raw/own"
    files = tmp_path / "own" if outside else home
    shutil.copytree(links(tmp_path), files, symlinks=True)
    fill(files, ["README.txt", "cat/000.heic", "cat/001.xyz", "cat/000.jpg", "top.png"])
    texts = [p.replace("png", "txt") for p in CLASSES[:20]]
    fill(files, texts)
    assert main(["data", "init", str(files)]) == 0
    out = capsys.readouterr().out
    assert "20 samples" in out and "Not used\n" in out
    said = [line.strip() for line in out.split("Not used\n")[1].split("\n\n")[0].splitlines()]
    assert [line.split(" ")[0] for line in said] == ["10", "1", "1", "1", "2"]
    assert main(["data", "check", "own", "--no-signal"]) == 0
    shown = capsys.readouterr().out
    assert [line.removeprefix("not used: ") for line in shown.splitlines() if line.startswith("not used: ")] == said
    assert "in no row of" not in shown
    page = (project / "reports/data/own.html").read_text(encoding="utf-8")
    assert "What is not used" in page and "10 symbolic links lead out of the folder" in page
    assert main(["data", "check", "own", "--no-signal", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {left["why"]: left["count"] for left in told["unused"]} == {
        "link": 10, "stray": 1, "no class": 1, "double": 1, "ending": 2,
    }  # fmt: skip


def test_clean_data_is_told_nothing_new(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "own", CLASSES)
    assert main(["data", "init", str(tmp_path / "own")]) == 0
    assert main(["data", "check", "own", "--no-signal"]) == 0
    shown = capsys.readouterr().out
    assert "not used" not in shown.lower()
    assert "What is not used" not in (project / "reports/data/own.html").read_text(encoding="utf-8")


def test_files_of_columns_that_are_not_used_are_named_so(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = fill(tmp_path / "own", [*CLASSES, *(f"motion/{i}.csv" for i in range(30)), "motion/spare.csv"])
    lines = [f"{p},motion/{i}.csv,{p[:3]}" for i, p in enumerate(CLASSES)]
    (files / "t.csv").write_text("\n".join(["photo,motion,label", *lines]), encoding="utf-8")
    assert unused(drafted(files)) == {"named": 30, "ending": 1, "column": 1}
    assert main(["data", "init", str(files)]) == 0
    capsys.readouterr()
    assert main(["data", "check", "own", "--no-signal", "--json"]) == 0
    told_of = {left["why"]: left["count"] for left in json.loads(capsys.readouterr().out)["unused"]}
    assert told_of == {"named": 30, "ending": 1, "column": 1}


def test_names_that_no_table_can_hold_are_named(tmp_path: Path) -> None:
    fill(tmp_path, CLASSES)
    for name in (b"a\nb.png", b"caf\xe9.png", b"bell\x07.wav"):
        (tmp_path / "cat" / os.fsdecode(name)).write_bytes(b"x")
    made = drafted(tmp_path)
    assert (made.samples, unused(made)) == (30, {"name": 3})
    assert made.unused[0].what.isprintable()


def test_compressed_arrays_are_offered(tmp_path: Path) -> None:
    for i, path in enumerate(CLASSES):
        file = tmp_path / path.replace(".png", ".npy.gz")
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(content("x.npy", i)))
    made = drafted(tmp_path)
    assert (made.samples, unused(made)) == (30, {})
    assert "vector: vector" in made.card and made.manifest is not None and "cat/000.npy.gz,cat" in made.manifest
