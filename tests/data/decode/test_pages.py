"""Files of several pictures: that there are more is said, and one can be chosen."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource


def several(format: str, shades: list[int], **options: Any) -> BytesSource:
    frames = [Image.new("RGB", (8, 8), (s, 255 - s, 0)) for s in shades]
    if format == "WEBP":
        options["lossless"] = True
    stream = io.BytesIO()
    frames[0].save(stream, format, save_all=True, append_images=frames[1:], **options)
    return BytesSource(f"x.{format.lower()}", stream.getvalue())


@pytest.mark.parametrize("format", ["TIFF", "GIF", "PNG", "WEBP"])
def test_every_page_can_be_read_and_is_told(format: str) -> None:
    cell = several(format, [0, 50, 100, 200])
    for page, shade in ((1, 0), (2, 50), (4, 200)):
        made = decoder("image", {"page": page})
        note = made.fit([cell, cell]).note
        assert abs(int(made.decode(cell)[0][0, 4, 4]) - shade) <= 2
        which = "the first" if page == 1 else f"page {page}"
        assert f"2 of 2 training images looked at have 4 pages or frames, of which only {which} is read" in note
        assert "option page; kind video reads all" in note


@pytest.mark.parametrize("format", ["TIFF", "GIF", "PNG", "WEBP"])
def test_a_page_that_is_not_there(format: str) -> None:
    made = decoder("image", {"page": 3})
    made.fit([several(format, [0, 50, 100])])
    with pytest.raises(CellError, match="has 2 pages, so there is no page 3"):
        made.decode(several(format, [0, 50]))
    with pytest.raises(CellError, match="has 1 page, so there is no page 3"):
        made.decode(several(format, [0]))


def test_of_some_the_number_is_told() -> None:
    cells = [several("TIFF", [0] * n) for n in (1, 2, 5)]
    assert "2 of 3 training images looked at have up to 5 pages" in decoder("image", {}).fit(cells).note


@pytest.mark.parametrize("format", ["TIFF", "GIF", "PNG", "WEBP", "JPEG"])
def test_one_picture_is_nothing_to_tell(format: str) -> None:
    made = decoder("image", {}).fit([several(format, [0])] if format != "JPEG" else [_jpeg()])
    assert made.note == "colour images of 8 x 8 pixels"


def test_previews_are_no_pages() -> None:
    """Smaller versions of a page in a TIFF, and what a camera puts behind its JPEG."""
    data = several("TIFF", [0, 50], tiffinfo={254: 0}).data
    tag, reduced = struct.pack("<HHII", 254, 4, 1, 0), struct.pack("<HHII", 254, 4, 1, 1)
    assert data.count(tag) == 2
    cell = BytesSource("x.tif", reduced.join(data.rsplit(tag, 1)))
    assert Image.open(io.BytesIO(cell.data)).n_frames == 2  # type: ignore[attr-defined]
    assert decoder("image", {}).fit([cell]).note == "colour images of 8 x 8 pixels"
    assert decoder("image", {}).fit([several("MPO", [0, 50])]).note == "colour images of 8 x 8 pixels"


def test_a_stack_of_16_bits() -> None:
    """The page that is chosen sets the scale."""
    pages = [Image.fromarray(np.full((8, 8), v, np.uint16)) for v in (60_000, 10, 20)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    cell = BytesSource("x.tif", stream.getvalue())
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[2:])
    other = BytesSource("x.tif", stream.getvalue())
    made = decoder("image", {"page": 2})
    made.fit([cell, other])
    assert [int(made.decode(c)[0].mean()) for c in (cell, other)] == [0, 255]


def _jpeg() -> BytesSource:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "JPEG")
    return BytesSource("x.jpg", stream.getvalue())
