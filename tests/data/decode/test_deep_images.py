"""Pictures of more than 8 bits: what differs in the files differs in the pixels, on one scale for all of a column."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmbench.data.decode.base import Decoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.table.table import Cell
from mmbench.errors import UserError


def saved(values: np.ndarray, format: str = "TIFF", **options: Any) -> BytesSource:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format, **options)
    return BytesSource(f"x.{format.lower()}", stream.getvalue())


def png16(values: np.ndarray) -> BytesSource:
    """A PNG of 16 bits a channel, which Pillow does not write. values: (H, W, 2 to 4)."""
    height, width, channels = values.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return BytesSource("x.png", b"\x89PNG\r\n\x1a\n" + data)


def tiff16(values: np.ndarray) -> BytesSource:
    """An uncompressed TIFF of 16 bits a colour."""
    height, width, _ = values.shape
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 3, 134),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 140),
        (277, 3, 1, 3),
        (278, 3, 1, height),
        (279, 4, 1, values.size * 2),
        (284, 3, 1, 1),
    ]
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags))
    head += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return BytesSource("x.tif", head + struct.pack("<3H", 16, 16, 16) + values.astype("<u2").tobytes())


def fitted(cells: list[Cell], **options: Any) -> tuple[Decoder, str]:
    made = decoder("image", options)
    return made, made.fit(cells).note


def means(cells: list[Cell], made: Decoder) -> list[float]:
    return [round(float(made.decode(cell)[0].mean()), 2) for cell in cells]


def flat(value: float, dtype: Any, size: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.full(size, value, dtype)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "array", "PPM"])
def test_depth_maps_of_16_bits_keep_their_range(format: str) -> None:
    """All that differs lies in the lower 8 bits of some, and across a step of the upper 8 in others."""
    maps = [flat(v, np.uint16) for v in (768, 1023, 896)]
    cells: list[Cell] = [m if format == "array" else saved(m, format) for m in maps]
    made, note = fitted(cells)
    assert means(cells, made) == [0, 255, 128]
    assert "from 768 to 1,023 become 0 to 255" in note and "range" in note


def test_numbers_of_a_few_bits_in_16() -> None:
    """A camera's 12 bits; and what lies beyond those of the training images is the nearer end, never wrapped round."""
    cells: list[Cell] = [saved(flat(v, np.uint16), "PNG") for v in (0, 4095)]
    made, note = fitted(cells)
    assert means(cells, made) == [0, 255] and "4,095" in note
    assert means([saved(flat(v, np.uint16), "PNG") for v in (2048, 60_000)], made) == [128, 255]


def test_16_bits_that_are_filled_are_read_as_ever() -> None:
    """The upper 8 bits, bit by bit, and no word of it."""
    ramp = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    made, note = fitted([saved(ramp, "PNG")], side=64)
    assert np.array_equal(made.decode(saved(ramp, "PNG"))[0][0], ramp >> 8)
    assert note == "grey images of 64 x 64 pixels"
    assert set(made.state()) == {"height", "width", "channels", "unit"}


def test_places_without_a_measurement_do_not_set_the_scale() -> None:
    """0 and 65535 are what cameras of depth write where they saw nothing."""
    maps = [flat(v, np.uint16) for v in (2000, 2100, 2200)]
    for m, hole in zip(maps, (0, 65535, 0), strict=True):
        m[0, 0] = hole
    cells: list[Cell] = [saved(m, "PNG") for m in maps]
    made, note = fitted(cells)
    seen = [made.decode(c)[0][0] for c in cells]
    assert [int(v[4, 4]) for v in seen] == [0, 128, 255] and [int(v[0, 0]) for v in seen] == [0, 255, 0]
    assert "from 2,000 to 2,200" in note
    assert "65,535, far from all others (0.52% of the pixels)" in note and "0, far from all others" in note


@pytest.mark.parametrize("files", [True, False])
def test_one_scale_for_all_floats(files: bool) -> None:
    """Dark pictures stay darker than bright ones."""
    maps = [flat(v, np.float32) for v in (0.5, 200, 0.9, 100)]
    cells: list[Cell] = [saved(m) if files else m for m in maps]
    made, note = fitted(cells)
    assert means(cells, made) == [0, 200, 1, 100]
    assert "become" not in note


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((0.0, 0.01, 0.02), [0, 128, 255]),
        ((-1000.0, 1000.0, 0.0), [0, 255, 128]),
        ((1500.0, 1500.5, 1501.0), [0, 128, 255]),
        ((0.0, 1e6, 5e5), [0, 255, 128]),
    ],
)
def test_floats_of_any_range(values: tuple[float, ...], wanted: list[int]) -> None:
    for files in (True, False):
        cells: list[Cell] = [saved(flat(v, np.float32)) if files else flat(v, np.float32) for v in values]
        made, note = fitted(cells)
        assert means(cells, made) == wanted and "floats from" in note


def test_whole_numbers_of_any_range() -> None:
    cells: list[Cell] = [flat(v, np.int16) for v in (-1000, 0, 1000)]
    assert means(cells, fitted(cells)[0]) == [0, 128, 255]
    files: list[Cell] = [saved(flat(v, np.int32)) for v in (100_000, 150_000, 200_000)]
    assert means(files, fitted(files)[0]) == [0, 128, 255]
    # Levels of grey from 0 to 16 are kept as they are: nothing of them is lost.
    for dtype in (np.int64, np.float64):
        made, note = fitted([flat(0, dtype), flat(16, dtype)])
        assert means([flat(16, dtype)], made) == [16] and "become" not in note


def test_the_scale_is_that_of_training_images() -> None:
    """Others are read on it, those beyond it too, and say so where a format's own scale does not hold them."""
    made, _ = fitted([saved(flat(v, np.float32)) for v in (0, 1)])
    assert means([saved(flat(0.5, np.float32))], made) == [128]
    with pytest.raises(CellError, match=r"from 7 to 7; they should lie in \[0, 1\].*`range: \[least, most\]`"):
        made.decode(saved(flat(7, np.float32)))


def test_a_little_beyond_is_cut() -> None:
    """Pictures that were scaled by another program go a little over the edge; far beyond is another scale."""
    made, _ = fitted([saved(flat(v, np.float32)) for v in (0, 1)])
    assert means([saved(flat(v, np.float32)) for v in (1.005, -0.005)], made) == [255, 0]
    for value in (1.2, -0.2):
        with pytest.raises(CellError, match="they should lie in"):
            made.decode(saved(flat(value, np.float32)))


@pytest.mark.parametrize("mark", [-9999, -32768, 1e20])
def test_nodata_in_heights(mark: float) -> None:
    """What geographic pictures write where there is none."""
    maps = [flat(v, np.float32) for v in (400, 500, 600)]
    for m in maps:
        m[0, :2] = mark
    for files in (True, False):
        cells: list[Cell] = [saved(m) if files else m for m in maps]
        made, note = fitted(cells)
        seen = [made.decode(c)[0][0] for c in cells]
        assert [int(v[4, 4]) for v in seen] == [0, 128, 255] and {int(v[0, 0]) for v in seen} == {255 * (mark > 0)}
        assert "floats from 400 to 600 become 0 to 255" in note and "far from all others (3.12% of the pixels)" in note


def test_a_range_that_a_person_gives() -> None:
    made, _ = fitted([saved(flat(5, np.float32))], range=[0.0, 10.0])
    assert means([saved(flat(v, np.float32)) for v in (5, 10, -3, 70)], made) == [128, 255, 0, 255]
    assert means([saved(flat(5, np.uint16), "PNG"), flat(5, np.int64)], made) == [128, 128]
    assert means([flat(5, np.uint8)], made) == [5]
    for wrong in ([3.0, 3.0], [5.0, 1.0]):
        with pytest.raises(UserError, match="lesser number first"):
            decoder("image", {"range": wrong})
    with pytest.raises(UserError, match="at least 2"):
        decoder("image", {"range": [3.0]})


@pytest.mark.parametrize("make", [png16, tiff16])
def test_colours_of_16_bits(make: Any) -> None:
    """Pillow reads their upper 8 bits only."""
    values = [np.full((8, 8, 3), v, np.uint16) for v in ([1024, 1100, 1279], [1279, 1024, 1024])]
    cells: list[Cell] = [make(v) for v in values]
    made, note = fitted(cells)
    assert [made.decode(c)[0][:, 4, 4].tolist() for c in cells] == [[0, 76, 255], [255, 0, 0]]
    assert "16-bit numbers from 1,024 to 1,279" in note
    full = np.arange(0, 65536, 64, dtype=np.uint16)[: 16 * 16 * 3].reshape(16, 16, 3)
    full[0, 0] = 65535
    made, note = fitted([make(full)], side=16)
    assert np.array_equal(made.decode(make(full))[0], (full >> 8).transpose(2, 0, 1)) and "become" not in note


def test_transparent_places_of_16_bit_colours_are_white() -> None:
    values = np.full((8, 8, 4), (1024, 1100, 1279, 65535), np.uint16)
    values[:, 4:, 3] = 0
    made, _ = fitted([png16(values)])
    seen = made.decode(png16(values))[0]
    assert seen[:, 4, 1].tolist() == [0, 76, 255] and seen[:, 4, 6].tolist() == [255, 255, 255]


def test_deep_pictures_are_turned_as_exif_says() -> None:
    values = np.zeros((8, 16), np.uint16)
    values[:, 8:] = 200
    exif = Image.Exif()
    for orientation, shape, at in ((3, (8, 16), (4, 2)), (6, (16, 8), (12, 4)), (8, (16, 8), (2, 4))):
        exif[0x0112] = orientation
        cell = saved(values, "PNG", exif=exif)
        made, _ = fitted([cell])
        seen = made.decode(cell)[0][0]
        assert seen.shape == shape
        assert seen[at] == 255 and seen.mean() == 127.5


def test_pictures_of_8_and_of_16_bits_in_one_column_are_told() -> None:
    _, note = fitted([saved(flat(v, np.uint16), "PNG") for v in (100, 300)] + [saved(flat(7, np.uint8), "PNG")])
    assert "1 of 3 training images looked at hold other numbers, on another scale" in note


def test_the_scale_is_kept() -> None:
    cells: list[Cell] = [saved(flat(v, np.uint16), "PNG") for v in (768, 1023, 896)]
    made, _ = fitted(cells)
    other = decoder("image", {})
    other.restore(made.state())
    assert means(cells, other) == [0, 255, 128]
