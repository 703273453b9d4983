"""What repeats across splits is found; what repeats by its nature is not called a leak."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image, ImageDraw, ImageEnhance

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.split import near_duplicates
from mmbench.data.split.contents import SAYS, normal
from mmbench.data.split.leakage import check, find
from mmbench.data.split.near_duplicates import small
from mmbench.data.table.table import Cell, Column, Kind
from tests.support.tables import table

RNG = np.random.default_rng(0)


def photo(seed: int, side: int = 96) -> Image.Image:
    """Something with the spectrum of a photograph."""
    rng = np.random.default_rng(seed)
    noise = np.fft.fft2(rng.normal(size=(3, side, side)))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    x = np.fft.ifft2(noise / np.maximum(f, 1 / side) ** 1.2).real
    x = (x - x.min()) / (x.max() - x.min())
    return Image.fromarray((255 * x).astype(np.uint8).transpose(1, 2, 0))


def file(image: Image.Image, name: str, kind: str = "PNG", **options: object) -> BytesSource:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return BytesSource(name, stream.getvalue())


def leaks(
    kind: Kind,
    cells: Sequence[Cell | None],
    split: Sequence[str] = ("train", "test"),
    group: Sequence[str] | None = None,
) -> list[tuple[str, str, tuple[int, int]]]:
    """(kind, modality, samples) in a table of that column and one of numbers that never repeat."""
    other = Column(kind="vector", cells=list(np.random.default_rng(1).normal(size=(len(cells), 20))))
    data = table(
        [0, 1] * (len(cells) // 2) + [0] * (len(cells) % 2), group=group, x=Column(kind=kind, cells=cells), y=other
    )
    return [(leak.kind, leak.modality, leak.samples) for leak in find(data, np.array(split))]


SENTENCE = "There is exactly one tower with a blue block at the base"


@pytest.mark.parametrize(
    ("kind", "a", "b", "found"),
    [
        ("text", SENTENCE, "  there IS exactly one tower with a blue block, at the base!", "same text"),
        ("text", SENTENCE, SENTENCE + " there", None),
        ("text", "What color is the shape?", "what color is the shape", None),
        ("text", "ｆｕｌｌ " * SAYS, "full " * SAYS, "same text"),
        (
            "text",
            "这是一个有三种颜色方块的盒子并且它们都在最上面",
            "这是一个有三种颜色方块的盒子,并且它们都在最上面。",
            "same text",
        ),
        ("text", "这是什么颜色", "这是什么颜色", None),
        ("text", "...", "!!", None),
        ("text", "", "", None),
        ("vector", np.arange(12.0), np.arange(12.0), "same content"),
        ("vector", np.arange(12.0), np.arange(12.0) + 1e-6, None),
        ("vector", np.eye(300)[7], np.eye(300)[7], None),
        ("vector", np.zeros(300), np.zeros(300), None),
        ("vector", np.arange(6.0), np.arange(6.0), None),
        ("sequence", np.arange(24.0).reshape(6, 4), np.arange(24.0).reshape(6, 4), "same content"),
        ("sequence", np.arange(24.0).reshape(6, 4), np.arange(24.0).reshape(4, 6), None),
        ("sequence", np.zeros((6, 4)), np.zeros((6, 4)), None),
        ("image", np.asarray(photo(1)), np.asarray(photo(1)), "same content"),
        ("image", np.zeros((28, 28), np.uint8), np.zeros((28, 28), np.uint8), None),
        ("image", file(photo(1), "a.png"), file(photo(1), "b.png"), "same content"),
        ("image", file(photo(1), "a.png"), file(photo(2), "b.png"), None),
        (
            "image",
            file(Image.new("RGB", (64, 64), "red"), "a.png"),
            file(Image.new("RGB", (64, 64), "red"), "b.png"),
            None,
        ),
        ("image", None, None, None),
        ("image", BytesSource("a.png", b"no image"), BytesSource("b.png", b"no image at all"), None),
    ],
)
def test_content(kind: Kind, a: Cell | None, b: Cell | None, found: str | None) -> None:
    assert leaks(kind, [a, b]) == ([(found, "x", (0, 1))] if found else [])


def sound(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, values, 8000, format="WAV")
    return stream.getvalue()


def test_sound_repeats_and_silence_does_not_count() -> None:
    voice, silence = sound(RNG.normal(size=4000) / 9), sound(np.zeros(4000))
    assert leaks("audio", [BytesSource("a.wav", voice), BytesSource("b.wav", voice)]) == [("same content", "x", (0, 1))]
    assert leaks("audio", [BytesSource("a.wav", silence), BytesSource("b.wav", silence)]) == []


CHANGES = {
    "jpeg": lambda image: file(image, "b.jpg", "JPEG", quality=60),
    "half": lambda image: file(image.resize((48, 48)), "b.png"),
    "double": lambda image: file(image.resize((192, 192)), "b.png"),
    "darker": lambda image: file(ImageEnhance.Brightness(image).enhance(0.8), "b.png"),
    "alpha": lambda image: file(image.convert("RGBA"), "b.png"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_picture_differently_stored_is_a_near_duplicate(change: str) -> None:
    pictures = [file(photo(i), f"{i}.png") for i in range(20)]
    cells = [*pictures, CHANGES[change](photo(7))]
    assert leaks("image", cells, ["train"] * 20 + ["test"]) == [("near duplicate", "x", (7, 20))]


def test_a_small_object_more_is_another_picture() -> None:
    one, two = (Image.new("RGB", (400, 100), "white") for _ in range(2))
    for image in (one, two):
        for box in ((0, 0, 99, 99), (150, 0, 249, 99), (300, 0, 399, 99)):
            ImageDraw.Draw(image).rectangle(box, fill="lightgrey")
        ImageDraw.Draw(image).rectangle((20, 20, 39, 39), fill="blue")
    ImageDraw.Draw(two).ellipse((180, 60, 190, 70), fill="black")
    assert leaks("image", [file(one, "a.png"), file(two, "b.png")]) == []


def test_drawn_shapes_at_random_places_are_not_near_duplicates() -> None:
    cells = []
    for i in range(300):
        x, y, size = np.random.default_rng(i).integers((0, 0, 12), (40, 40, 24))
        image = Image.new("RGB", (64, 64), "white")
        ImageDraw.Draw(image).rectangle((x, y, x + size, y + size), fill=("red", "blue", "black")[i % 3])
        cells.append(file(image, f"{i}.png"))
    found = leaks("image", cells, ["train"] * 200 + ["test"] * 100)
    assert len(found) <= 1  # two of 300 may be drawn within a pixel of each other


def test_an_image_of_many_questions_is_told_for_each_later_sample() -> None:
    a, b = file(photo(1), "a.png"), file(photo(2), "b.png")
    found = leaks("image", [a, a, b, a, b, a], ["train", "train", "test", "validation", "test", "test"])
    assert found == [("same content", "x", (0, 3)), ("same content", "x", (0, 5))]


def test_a_short_text_is_a_leak_when_the_whole_sample_repeats() -> None:
    numbers = [np.arange(3.0), np.arange(3.0), np.arange(3.0) + 1]
    data = table([0, 1, 0], q=Column(kind="text", cells=["yes?"] * 3), n=Column(kind="vector", cells=numbers))
    found = find(data, np.array(["train", "test", "test"]))
    assert [(leak.kind, leak.modality, leak.samples) for leak in found] == [("same content", "", (0, 1))]


def test_groups() -> None:
    cells = [f"text {i}" for i in range(5)]
    split = ["train", "test", "validation", "test", "test"]
    assert leaks("text", cells, split, ["a", "a", "b", "b", ""]) == [
        ("same group", "", (0, 1)),
        ("same group", "", (2, 3)),
    ]


def test_within_one_split_nothing_leaks() -> None:
    assert leaks("text", [SENTENCE] * 4, ["train"] * 4, ["a"] * 4) == []


def test_the_error_counts_shows_twenty_and_says_how_to_accept() -> None:
    data = table([0, 1] * 30, text=Column(kind="text", cells=[SENTENCE] * 60))
    split = np.array(["train"] * 30 + ["test"] * 30)
    with pytest.raises(DataError) as caught:
        check(data, split)
    message = str(caught.value)
    assert "30 same text (text)" in message and "accept: [same text]" in message and "`group`" in message
    assert "row 31 (test): text: same text as row 1 (train)" in message
    assert len(message.splitlines()) == 21 and "and 11 more" in message and len(caught.value.problems) == 31
    assert len(check(data, split, accept=("same text",))) == 30
    with pytest.raises(DataError, match="accept"):
        check(data, split, accept=("same group",))


def test_files_are_read_once_however_often_they_are_used(tmp_path: Path) -> None:
    file_source = file(photo(1), "a.png")
    (tmp_path / "a.png").write_bytes(file_source.data)
    root = Root(tmp_path)
    cells = [root.source("a.png") for _ in range(2000)]
    start = time.perf_counter()
    assert len(leaks("image", cells, ["train"] * 1000 + ["test"] * 1000)) == 1000
    assert time.perf_counter() - start < 2


def test_texts_are_compared_in_normal_form() -> None:
    assert normal("  Ｓtraße,\tEIN\u2014zwei_drei ") == "strasse ein zwei drei"
    assert len(normal("一二三四五").split()) == 3 and normal("カタカナ") == "カタ カナ"


def test_neighbours_are_found_as_by_comparing_all_with_all() -> None:
    rng = np.random.default_rng(3)
    base = rng.integers(0, 256, (60, near_duplicates.SIDE, near_duplicates.SIDE, 3), dtype=np.uint8)
    copies = np.clip(base[:20] + rng.normal(0, 6, base[:20].shape), 0, 255).astype(np.uint8)
    thumbs = np.concatenate([base, copies])
    found = near_duplicates.pairs(thumbs, np.arange(60, 80), np.arange(60))
    unit = near_duplicates._unit(thumbs).reshape(len(thumbs), -1)
    slow = [
        (q, int(d.argmin()))
        for q in range(60, 80)
        if (d := np.linalg.norm(unit[:60] - unit[q], axis=1)).min() <= near_duplicates.NEAR
    ]
    assert found == slow == [(60 + i, i) for i in range(20)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_no_picture(odd: float) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.full((20, 20), odd, np.float32)).save(stream, "TIFF")
    assert not small([BytesSource("x.tif", stream.getvalue())])[1].any()
