"""GRID as it is distributed: MPEG-1 clips and word alignments."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.split.leakage import check
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.dataset.grid import VOCABULARY, WORDS, Grid
from tests.support.shared_data import SHARED, needs

LETTERS = dict(zip(VOCABULARY["digit"], "z123456789", strict=True))


def film(path: Path, seed: int, frames: int = 30) -> None:
    """A clip as GRID's are: MPEG-1 video at 25 fps with a sound track (smaller, shorter)."""
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w", format="mpeg") as output:
        video = output.add_stream("mpeg1video", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = output.add_stream("mp2", rate=44100, layout="stereo")
        for i in range(frames):
            pixels = np.random.default_rng(seed + i // 5).integers(0, 256, (64, 96, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            output.mux(video.encode(frame))
        output.mux(video.encode())
        samples = (rng.normal(size=(1, 2 * 44100 * frames // 25)) * 3000).astype(np.int16)
        wave = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        wave.sample_rate, wave.pts = 44100, 0
        output.mux(sound.encode(wave))
        output.mux(sound.encode())


def align(path: Path, words: tuple[str, ...]) -> None:
    lines = ["0 10000 sil", *(f"{10000 * i} {10000 * i + 9000} {w}" for i, w in enumerate(words, 1)), "70000 74500 sil"]
    lines.insert(3, "29000 29500 sp")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sentence(i: int, digit: str) -> tuple[str, ...]:
    pick = [VOCABULARY[word][(i // 3 + k) % len(VOCABULARY[word])] for k, word in enumerate(WORDS)]
    return (*pick[:4], digit, pick[5])


def write(root: Path, clips: int = 12, speakers: tuple[str, ...] = ("",)) -> list[str]:
    """Three clips a sentence, of three digits."""
    names = []
    for speaker in speakers:
        for folder in ("video", "align"):
            (root / folder / speaker).mkdir(parents=True, exist_ok=True)
        for i in range(clips):
            words = sentence(i, ("two", "seven", "zero")[i % 3])
            name = "".join(LETTERS.get(word, word[0]) for word in words)
            film(root / "video" / speaker / f"{name}.mpg", seed=1000 * len(names))
            align(root / "align" / speaker / f"{name}.align", words)
            names.append(name)
    return names


def test_the_digit_is_asked_for_and_masked(tmp_path: Path) -> None:
    write(tmp_path)
    table = Grid().table(Root(tmp_path))
    assert table.task.targets == ("zero", "two", "seven") and len(table) == 12
    texts = table.modalities["text"].cells
    for text, label, place in zip(texts, table.labels, table.places, strict=True):
        words = str(text).split()
        assert len(words) == 6 and words[4] == "[mask]"
        assert not set(words) & set(VOCABULARY["digit"])
        assert LETTERS[table.task.targets[label]] == Path(place).stem[4]
    assert table.modalities["video"].cells[3] == table.modalities["audio"].cells[3]


@pytest.mark.parametrize("target", WORDS)
def test_every_word_can_be_the_target(tmp_path: Path, target: str) -> None:
    write(tmp_path, 6)
    table = Grid(target=target).table(Root(tmp_path))  # type: ignore[arg-type]
    for text, label in zip(table.modalities["text"].cells, table.labels, strict=True):
        words = str(text).split()
        assert words[WORDS.index(target)] == "[mask]" and table.task.targets[label] not in words


def test_sentences_never_part_and_speakers_do_not_where_there_are_three(tmp_path: Path) -> None:
    names = write(tmp_path / "one")
    table = Grid().table(Root(tmp_path / "one"))
    assert list(table.group or ()) == sorted(name[:4] for name in names)
    assert Grid(groups="none").table(Root(tmp_path / "one")).group is None
    write(tmp_path / "three", 3, ("s1", "s2", "s3"))
    table = Grid().table(Root(tmp_path / "three"))
    assert list(table.group or ()) == ["s1"] * 3 + ["s2"] * 3 + ["s3"] * 3
    assert set(assign(table, SplitCard()).tolist()) == set(SPLITS)


def test_frames_and_sound_are_read_from_the_clip(tmp_path: Path) -> None:
    write(tmp_path, 3)
    table = Grid().table(Root(tmp_path))
    for name in ("video", "audio"):
        column = table.modalities[name]
        cells = [c for c in column.cells if c is not None]
        read = decoder(column.kind, column.options)
        layout = read.fit(cells)
        values, mask = read.decode(cells[0])
        assert values.shape == layout.shape and mask is not None and values.astype(np.float32).std() > 0
        real = mask.sum() / len(mask)
        assert real == 1 if name == "video" else 0.3 < real < 0.5  # 1.2 of 3 seconds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 10 sil\n10 20", r"line 2 is not `start end word`"),
        ("0 10 bin\n", r"says 'bin'; word 1 of 6, the command"),
        ("0 1 bin\n0 1 blue\n0 1 at\n0 1 f\n0 1 tow\n0 1 now\n", r"word 5 of 6, the digit, is one of zero, one, two"),
        ("0 1 bin\n0 1 blue\n0 1 at\n0 1 f\n0 1 two\n0 1 now\n", r"is spelt bbaf2n; the clip is"),
        (b"\xff\xfe\x00", r"is not `start end word`"),
    ],
)
def test_alignments_are_checked(tmp_path: Path, text: str | bytes, says: str) -> None:
    name = sorted(write(tmp_path, 3))[0]
    file = tmp_path / f"align/{name}.align"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=rf"video/{name}.mpg: .*{says}"):
        Grid().table(Root(tmp_path))


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \*.mpg below the root(.|\n)*no \*.align below the root"):
        Grid().table(Root(tmp_path))
    name = write(tmp_path, 3)[0]
    (tmp_path / f"align/{name}.align").unlink()
    with pytest.raises(DataError, match=rf"video/{name}.mpg: has no alignment; {name}.align is missing"):
        Grid().table(Root(tmp_path))


@pytest.mark.slow
@needs("grid_s1")
def test_the_real_files() -> None:
    table = Grid().table(Root(SHARED / "grid_s1"))
    assert len(table) == 60 and (np.bincount(table.labels) == 6).all()
    assert not any(set(str(t).split()) & set(VOCABULARY["digit"]) for t in table.modalities["text"].cells)
    split = assign(table, SplitCard())
    assert check(table, split) == []
    video = table.modalities["video"]
    # 75 frames each, as counted, whatever the container says.
    clips = [c for c in video.cells if c is not None][:6]
    read = decoder("video", {**video.options, "length": 75, "frames": 5})
    read.fit(clips)
    assert all(read.decode(c)[1].sum() == 75 for c in clips)  # type: ignore[union-attr]
