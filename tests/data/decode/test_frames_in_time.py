"""Frames are even in time, whatever the frame rate does; and pictures of several pages are films too."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from mmbench.data.decode.factory import decoder
from mmbench.data.decode.reel import Reel
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from tests.support.films import film


def taken(times: Sequence[float | None], steps: int, most: int = 512) -> list[int]:
    """The numbers of the frames that are taken."""
    reel = Reel(most)
    for i, time in enumerate(times):
        reel.add(lambda i=i: np.array(i), time)  # type: ignore[misc]
        assert len(reel.frames) <= most
    return [int(frame) for frame in reel.taken(steps)]


def by_count(count: int, steps: int) -> list[int]:
    real = min(count, steps)
    return ((np.arange(real) + 0.5) * count / real).astype(int).tolist()


SLIDES = [0, 25, *np.arange(50, 60, 0.25)]
"""Two frames in 50 seconds, forty in ten."""


def test_a_film_that_stands_still_for_long() -> None:
    found = taken(SLIDES, 16)
    shown = [SLIDES[i] for i in found]
    wanted = (np.arange(16) + 0.5) * 60 / 16
    assert found.count(0) == 7 and found.count(1) == 6
    assert all(t <= w < t + (25 if t < 50 else 0.25) + 1e-9 for t, w in zip(shown, wanted, strict=True))


@pytest.mark.parametrize(
    "times",
    [
        np.arange(42) / 25,
        np.round(np.arange(42) / 30, 3),
        np.arange(42) / 25 + 7.5,
        np.delete(np.arange(43) / 25, 20),
        [None] * 42,
        [*np.arange(21) / 25, *np.arange(21) / 25],
        [0.0] * 42,
    ],
)
def test_an_even_film_is_read_as_ever(times: Sequence[float | None]) -> None:
    """Rounded times, a late start, a frame left out, and times that are not believed too."""
    for steps in (4, 16, 64):
        assert taken(times, steps) == by_count(42, steps)


def test_a_camera_that_slows_down_in_the_dark() -> None:
    times = np.r_[np.arange(300) / 30, 10 + np.arange(100) / 10]
    shown = np.array([times[i] for i in taken(times, 10)])
    assert np.abs(shown - (np.arange(10) * 2 + 1)).max() < 0.11
    assert times[by_count(400, 10)][4] < 7, "by count, the dark half would be a quarter of the frames"


@pytest.mark.parametrize(
    "times",
    [
        np.r_[0, 25, 50 + np.arange(2000) / 200],
        np.r_[np.arange(2000) / 200, 10, 35, 59.9],
        np.r_[np.arange(1000) / 100, 20, 30, 40, 50 + np.arange(1000) / 100],
    ],
)
def test_long_films_keep_what_is_shown_long(times: np.ndarray) -> None:
    """Few frames are held: what is taken is what is shown about then."""
    wanted = times[0] + (np.arange(16) + 0.5) * (times[-1] - times[0]) / 16
    for most, near in ((64, 60 / 16), (512, 60 / 128)):
        found = taken(times, 16, most)
        early, late = (np.searchsorted(times, wanted + d, side="right") - 1 for d in (-near, near))
        assert all(a <= f <= b for a, f, b in zip(early, found, late, strict=True))


@pytest.mark.parametrize(("format", "codec"), [("matroska", "ffv1"), ("mp4", "mpeg4"), ("gif", "gif")])
def test_files_with_a_variable_rate(format: str, codec: str) -> None:
    shades = [np.full((32, 48, 3), s, np.uint8) for s in (0, 80, *[250] * 40)]
    cell = film(f"x.{format}", shades, codec=codec, format=format, times=SLIDES)
    made = decoder("video", {"length": 12, "channels": 1})
    made.fit([cell])
    values, mask = made.decode(cell)
    assert mask is not None and mask.all()
    brightness = values.mean(axis=(1, 2, 3))
    assert [int((np.abs(brightness - s) < 25).sum()) for s in (0, 80, 250)] == [5, 5, 2]


def several(format: str, frames: list[Image.Image], **options: Any) -> BytesSource:
    stream = io.BytesIO()
    options |= {"lossless": True} if format == "WEBP" else {}
    frames[0].save(stream, format, save_all=True, append_images=frames[1:], **options)
    return BytesSource(f"x.{format.lower()}", stream.getvalue())


@pytest.mark.parametrize("format", ["TIFF", "GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_stacks_and_animations_are_films(format: str, mode: str) -> None:
    frames = [Image.new("RGB", (16, 8), (s, s, s)).convert(mode) for s in range(0, 250, 25)]
    cell = several(format, frames)
    made = decoder("video", {})
    shape = made.fit([cell]).shape
    assert made.measure(cell)[:3] == (10, 8, 16) and shape[0] == 10
    assert shape[1] == (1 if mode == "L" and format in ("TIFF", "PNG") else 3)
    assert np.abs(made.decode(cell)[0].mean(axis=(1, 2, 3)) - np.arange(0, 250, 25)).max() <= 3


def test_an_animation_whose_frames_are_shown_unequally_long() -> None:
    frames = [Image.new("L", (8, 8), s) for s in (0, 250, 100, 110, 120, 130)]
    for format in ("PNG", "GIF"):
        cell = several(format, frames, duration=[2000, 100, 100, 100, 100, 100])
        made = decoder("video", {"length": 5, "channels": 1})
        made.fit([cell])
        assert (made.decode(cell)[0].mean(axis=(1, 2, 3)) < 5).sum() == 4


def test_films_of_more_than_8_bits_are_told() -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="matroska") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "gray16le"
        for value in (800, 900, 60_000):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48), value, np.uint16), format="gray16le")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    note = decoder("video", {}).fit([BytesSource("x.mkv", stream.getvalue())]).note
    assert note.endswith("; of grey frames of 16 bits the upper 8 are read (write pictures to keep all)")


def test_stacks_that_are_no_film() -> None:
    deep = [Image.fromarray(np.full((8, 8), v, np.uint16)) for v in (0, 300)]
    with pytest.raises(CellError, match="pages of more than 8 bits"):
        decoder("video", {}).fit([several("TIFF", deep)])
    sizes = [Image.new("L", (8, 8)), Image.new("L", (8, 16))]
    with pytest.raises(CellError, match="pages of 8 x 8 and of 8 x 16 pixels"):
        decoder("video", {}).fit([several("TIFF", sizes)])
    with pytest.raises(CellError, match="not an image"):
        decoder("video", {}).fit([BytesSource("x.tif", b"no picture")])
