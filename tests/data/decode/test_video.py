"""Films of every format and length, and broken ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.decode import video as module
from mmbench.data.decode.base import Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.decode.video import VideoDecoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.table.table import Cell
from mmbench.errors import UserError
from tests.support.films import film, shades, tone


def fitted(cells: list[Cell], **options: Any) -> tuple[VideoDecoder, Layout]:
    made = decoder("video", options)
    assert isinstance(made, VideoDecoder)
    return made, made.fit(cells)


@pytest.mark.parametrize(
    ("format", "codec"),
    [
        ("mpeg", "mpeg1video"),
        ("mp4", "mpeg4"),
        ("avi", "mjpeg"),
        ("matroska", "ffv1"),
        ("mpegts", "mpeg2video"),
        ("gif", "gif"),
    ],
)
def test_formats(format: str, codec: str) -> None:
    cell = film(f"x.{format}", shades(32), codec=codec, format=format)
    made, layout = fitted([cell])
    assert layout.shape[0] == 16 and layout.options["frames"] == 4
    values, mask = made.decode(cell)
    assert values.shape == layout.shape and values.dtype == np.uint8 and mask.all()
    brightness = values.mean(axis=(1, 2, 3))
    assert (np.diff(brightness) > 5).all(), "frames are in order, and evenly spaced"
    assert brightness[0] < 30 and brightness[-1] > 225, "over all of the film"


def test_frames_are_counted_not_believed() -> None:
    """A container that claims another number of frames, and another rate, than it has."""
    cell = film("x.avi", shades(20), codec="mjpeg", format="avi")
    data = bytearray(cell.data)
    avih, strh = data.index(b"avih"), data.index(b"strh")
    data[avih + 8 : avih + 12] = (1).to_bytes(4, "little")
    data[avih + 24 : avih + 28] = (9999).to_bytes(4, "little")
    data[strh + 8 + 32 : strh + 8 + 36] = (9999).to_bytes(4, "little")
    lying = BytesSource("x.avi", bytes(data))
    made, _ = fitted([lying], length=20, frames=4)
    assert made.measure(lying).length == 20
    assert made.decode(lying)[1].all()
    assert np.array_equal(made.decode(lying)[0], made.decode(cell)[0])


def test_short_films_have_a_mask() -> None:
    cells: list[Cell] = [film("x.mp4", shades(n), codec="mpeg4", format="mp4") for n in (3, 16, 16)]
    made, layout = fitted(cells)
    assert layout.steps == 16
    values, mask = made.decode(cells[0])
    assert mask.tolist() == [True] * 3 + [False] * 13
    assert not values[3:].any()


@pytest.mark.parametrize(("frames", "length", "token"), [(1, 1, 1), (3, 3, 1), (8, 8, 4), (6, 6, 2)])
def test_the_length_is_that_of_training_films(frames: int, length: int, token: int) -> None:
    _, layout = fitted([film("x.mp4", shades(frames), codec="mpeg4", format="mp4")])
    assert layout.steps == length and layout.options["frames"] == token
    patches = layout.shape[2] * layout.shape[3] // layout.options["patch"] ** 2
    assert patches * layout.steps // token >= 8


def test_long_films_keep_few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 32)
    cell = film("x.avi", shades(200), codec="mjpeg", format="avi")
    made, _ = fitted([cell])
    brightness = made.decode(cell)[0].mean(axis=(1, 2, 3))
    assert np.diff(brightness).min() > 5 and brightness[-1] > 225


def test_options() -> None:
    cell = film("x.mp4", shades(9), codec="mpeg4", format="mp4")
    _, layout = fitted([cell], length=6, frames=3, height=16, width=24, patch=8, channels=1)
    assert layout.shape == (6, 1, 16, 24) and layout.options == {"frames": 3, "patch": 8}
    assert layout.normal_axis == 1
    with pytest.raises(UserError, match="not a multiple of `frames`"):
        decoder("video", {"length": 7, "frames": 2})
    with pytest.raises(UserError, match="did you mean 'length'"):
        decoder("video", {"lenght": 7})


def test_the_kind_of_cell() -> None:
    sound = film("x.m4a", [], codec="", format="mp4", sound=tone(500, 0.2, 16_000), sound_codec="aac")
    with pytest.raises(CellError, match="no pictures"):
        fitted([sound])
    with pytest.raises(CellError, match="a video is a file"):
        fitted([np.zeros((3, 8, 8))])


@pytest.mark.parametrize(
    "data", [b"no film", b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"]
)
def test_what_is_no_film(data: bytes) -> None:
    with pytest.raises(CellError, match="no film"):
        fitted([BytesSource("x.mp4", data)])


FILES = [
    film("x.mp4", shades(12), codec="mpeg4", format="mp4"),
    film("x.mpg", shades(12), codec="mpeg1video", format="mpeg", sound=tone(500, 0.4, 16_000)),
    film("x.avi", shades(12), codec="mjpeg", format="avi"),
    film("x.mkv", shades(12), codec="mpeg4", format="matroska"),
]
DECODER, LAYOUT = fitted(list(FILES))


@settings(max_examples=120, deadline=None)
@given(which=st.integers(0, len(FILES) - 1), cut=st.floats(0, 1), at=st.floats(0, 1), spoilt=st.binary(max_size=8))
def test_broken_films_give_cell_errors_only(which: int, cut: float, at: float, spoilt: bytes) -> None:
    data = bytearray(FILES[which].data)
    place = int(at * len(data))
    data[place : place + len(spoilt)] = spoilt
    del data[int(cut * len(data)) :]
    try:
        values, mask = DECODER.decode(BytesSource(FILES[which].name, bytes(data)))
        assert values.shape == LAYOUT.shape and mask.any()
    except CellError as error:
        assert str(error)
