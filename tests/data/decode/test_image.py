"""Every mode and format that images come in, and broken ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmbench.data.decode.base import Layout
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource
from mmbench.data.table.table import Cell
from mmbench.errors import UserError


def saved(image: Image.Image, format: str, **options: Any) -> BytesSource:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return BytesSource(f"x.{format.lower()}", stream.getvalue())


def read(cell: Cell, **options: Any) -> np.ndarray:
    """(channels, height, width), at the cell's own size unless told."""
    made = decoder("image", options)
    made.fit([cell])
    values, mask = made.decode(cell)
    assert mask is None and values.dtype == np.uint8
    return values


def layout(cells: list[Cell], **options: Any) -> Layout:
    return decoder("image", options).fit(cells)


def halves(left: Any, right: Any, mode: str, size: tuple[int, int] = (16, 8)) -> Image.Image:
    """Left half of one colour, right half of another."""
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def sides(values: np.ndarray) -> tuple[list[int], list[int]]:
    """The colours in the middle of the left and the right half."""
    _, height, width = values.shape
    return values[:, height // 2, width // 4].tolist(), values[:, height // 2, 3 * width // 4].tolist()


RED, BLUE, WHITE = [255, 0, 0], [0, 0, 255], [255, 255, 255]


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "TGA", "JPEG", "AVIF", "JPEG2000"])
def test_formats(format: str) -> None:
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}, "AVIF": {"quality": 95}}
    values = read(saved(halves("red", "blue", "RGB"), format, **lossless.get(format, {})))
    assert values.shape == (3, 8, 16)
    for found, wanted in zip(sides(values), (RED, BLUE), strict=True):
        assert np.abs(np.subtract(found, wanted)).max() <= (8 if format in ("JPEG", "AVIF", "JPEG2000") else 0)


def test_palette() -> None:
    image = halves("red", "blue", "RGB").convert("P", palette=Image.Palette.ADAPTIVE)
    assert image.mode == "P"
    assert sides(read(saved(image, "PNG"))) == (RED, BLUE)


def test_transparent_pixels_are_laid_on_white() -> None:
    assert sides(read(saved(halves((255, 0, 0, 255), (0, 0, 255, 0), "RGBA"), "PNG"))) == (RED, WHITE)
    half = sides(read(saved(halves((255, 0, 0, 128), (0, 0, 0, 0), "RGBA"), "PNG")))[0]
    assert half == [255, 127, 127]


def test_transparent_palette_and_grey() -> None:
    palette = halves("red", "blue", "RGB").convert("P", palette=Image.Palette.ADAPTIVE)
    index = palette.getpixel((12, 4))
    assert sides(read(saved(palette, "PNG", transparency=index))) == (RED, WHITE)
    assert sides(read(saved(palette, "GIF", transparency=index))) == (RED, WHITE)
    assert sides(read(saved(halves((40, 255), (40, 0), "LA"), "PNG"))) == ([40], [255])


def test_sixteen_bits() -> None:
    numbers = np.zeros((8, 16), np.uint16)
    numbers[:, 8:] = 0x80FF
    for format in ("PNG", "TIFF"):
        assert sides(read(saved(Image.fromarray(numbers), format))) == ([0], [128])


def test_floats_and_32_bits() -> None:
    unit = np.zeros((8, 16), np.float32)
    unit[:, 8:] = 0.5
    assert sides(read(saved(Image.fromarray(unit), "TIFF"))) == ([0], [128])
    assert sides(read(saved(Image.fromarray(unit * 400), "TIFF"))) == ([0], [200])
    assert sides(read(saved(Image.fromarray((unit * 2 * 65535).astype(np.int32)), "TIFF"))) == ([0], [255])
    with pytest.raises(CellError, match="they should lie in"):
        read(saved(Image.fromarray(np.full((8, 8), -1, np.float32)), "TIFF"))
    with pytest.raises(CellError, match="NaN or Inf"):
        read(saved(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"))


def test_cmyk() -> None:
    image = halves((0, 255, 255, 0), (255, 255, 0, 0), "CMYK")
    assert sides(read(saved(image, "TIFF"))) == (RED, BLUE)
    for found, wanted in zip(sides(read(saved(image, "JPEG", quality=95))), (RED, BLUE), strict=True):
        assert np.abs(np.subtract(found, wanted)).max() <= 8


def test_black_and_white() -> None:
    assert sides(read(saved(halves(0, 1, "1"), "PNG"))) == ([0], [255])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation: int) -> None:
    upright = halves("red", "blue", "RGB")
    methods = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(methods[orientation]) if orientation in methods else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = read(saved(stored, "PNG", exif=exif))
    assert values.shape == (3, 8, 16)
    assert sides(values) == (RED, BLUE)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue", "lime")]
    options = {"lossless": True} if format == "WEBP" else {}
    cell = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert read(cell)[:, 4, 4].tolist() == RED


def test_the_size_is_that_of_training_images() -> None:
    def grey(width: int, height: int) -> BytesSource:
        return saved(Image.new("L", (width, height)), "PNG")

    digits = layout([grey(28, 28)] * 3)
    assert digits.shape == (1, 28, 28) and digits.steps == 49 and digits.options == {"patch": 4}
    wide = layout([grey(400, 100)] * 3)
    assert wide.shape == (1, 32, 128) and wide.options == {"patch": 8}
    photo = layout([grey(4000, 3000)])
    assert photo.shape[1] * photo.shape[2] <= 1.2 * 64 * 64 and photo.steps >= 48
    ribbon = layout([grey(20_000, 1)])
    assert ribbon.shape[2] <= 512 + ribbon.options["patch"]
    tiny = layout([grey(8, 8)])
    assert tiny.steps >= 8


@pytest.mark.parametrize(
    ("options", "shape", "patch"),
    [
        ({"side": 64}, (64, 64), 8),
        ({"side": 30}, (30, 30), 3),
        ({"side": 30, "patch": 10}, (30, 30), 10),
        ({"height": 24, "width": 48}, (24, 48), 4),
        ({"patch": 5}, (30, 30), 5),
    ],
)
def test_the_size_that_a_person_asks_for(options: dict[str, int], shape: tuple[int, int], patch: int) -> None:
    found = layout([saved(Image.new("RGB", (28, 28)), "PNG")], **options)
    assert found.shape == (3, *shape) and found.options == {"patch": patch}
    assert found.steps == shape[0] * shape[1] // patch**2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sid": 64}, "did you mean 'side'"),
        ({"side": "64"}, "should be a valid integer"),
        ({"side": 0}, "greater than or equal to 1"),
        ({"side": 10_000}, "less than or equal to 1024"),
        ({"side": 30, "patch": 8}, "not a multiple of patch 8"),
        ({"side": 30, "height": 8, "width": 8}, "give `side`, or"),
        ({"height": 8}, "go together"),
        ({"channels": 2}, "1 or 3"),
        ({"fit": "squeeze"}, "'stretch', 'pad' or 'crop'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as e:
        decoder("image", options, where="dataset.yaml: columns.photo")
    assert said in str(e.value) and "dataset.yaml: columns.photo" in str(e.value)


def test_an_unknown_kind() -> None:
    with pytest.raises(UserError, match="did you mean 'image'"):
        decoder("imag", {})


def test_grey_and_colour_together_are_colour() -> None:
    assert layout([saved(Image.new(m, (8, 8)), "PNG") for m in ("L", "RGB")]).shape[0] == 3
    assert layout([saved(Image.new("RGB", (8, 8)), "PNG")], channels=1).shape[0] == 1


def test_the_ratio_of_the_sides_can_be_kept() -> None:
    cell = saved(halves("red", "blue", "RGB", (64, 16)), "PNG")
    padded = read(cell, side=16, fit="pad")
    assert padded[:, 0, 0].tolist() == WHITE and padded[:, 8, 2].tolist() == RED
    cropped = read(cell, side=16, fit="crop")
    assert sides(cropped) == (RED, BLUE) and cropped[:, 0, 0].tolist() == RED


@pytest.mark.parametrize(
    ("cell", "left", "right"),
    [
        (np.repeat([[0, 255]], 8, axis=1).repeat(8, axis=0).astype(np.uint8), [0], [255]),
        (np.repeat([[0, 255]], 8, axis=1).repeat(8, axis=0)[..., None].astype(np.uint8), [0], [255]),
        (np.repeat([[0, 1.0]], 8, axis=1).repeat(8, axis=0), [0], [255]),
        (np.repeat([[0, 200.0]], 8, axis=1).repeat(8, axis=0), [0], [200]),
        (np.repeat([[0, 65535]], 8, axis=1).repeat(8, axis=0).astype(np.uint16), [0], [255]),
        (np.repeat([[False, True]], 8, axis=1).repeat(8, axis=0), [0], [255]),
        (np.asarray(halves("red", "blue", "RGB")), RED, BLUE),
        (np.asarray(halves((255, 0, 0, 255), (0, 0, 0, 0), "RGBA")), RED, WHITE),
    ],
)
def test_numbers(cell: np.ndarray, left: list[int], right: list[int]) -> None:
    assert sides(read(cell)) == (left, right)


@pytest.mark.parametrize(
    "cell",
    [
        np.zeros((8,)),
        np.zeros((8, 8, 2)),
        np.zeros((0, 8)),
        np.full((8, 8), np.nan),
        np.full((8, 8), -3.0),
        np.full((8, 8), 300.0),
        np.array([["a"]]),
        "photo.png",
    ],
)
def test_numbers_that_are_no_image(cell: Cell) -> None:
    with pytest.raises(CellError):
        read(cell)


def test_one_spoilt_training_image_does_not_change_what_the_others_mean() -> None:
    made = decoder("image", {})
    made.fit([np.full((8, 8), np.nan), np.full((8, 8), 0.5)])
    assert made.decode(np.full((8, 8), 1.0))[0].max() == 255


def bomb(width: int, height: int) -> BytesSource:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return BytesSource("bomb.png", b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize("size", [(9000, 9000), (12_000, 12_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_refused(size: tuple[int, int]) -> None:
    made = decoder("image", {"side": 8})
    made.fit([np.zeros((8, 8))])
    with pytest.raises(CellError, match=r"make it smaller|broken"):
        made.decode(bomb(*size))


@pytest.mark.parametrize(
    "data",
    [b"not an image", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b""],
)
def test_what_is_no_image(data: bytes) -> None:
    with pytest.raises(CellError, match=r"not an image|empty"):
        read(BytesSource("x.png", data))


def _files() -> list[tuple[str, bytes]]:
    noise = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    made = [(f, saved(image, f).data) for f in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "TGA", "AVIF")]
    return [
        *made,
        ("TIFF", saved(image, "TIFF", compression="tiff_lzw").data),
        ("PNG", saved(image.convert("P"), "PNG").data),
    ]


FILES = _files()


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, len(FILES) - 1), cut=st.floats(0, 0.98))
def test_truncated_files_give_cell_errors(which: int, cut: float) -> None:
    """Wherever a file ends too soon: an error, or an image where the format allows it; never anything else."""
    format, data = FILES[which]
    made = decoder("image", {"side": 24})
    made.fit([np.zeros((24, 24, 3))])
    short = data[: int(cut * len(data))]
    try:
        made.decode(BytesSource(f"x.{format}", short))
        assert format not in ("PNG", "JPEG", "PPM", "BMP", "WEBP"), "half an image is none"
    except CellError as error:
        assert str(error)


@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, len(FILES) - 1), at=st.floats(0, 1), flip=st.binary(min_size=1, max_size=8))
def test_spoilt_bytes_give_cell_errors_only(which: int, at: float, flip: bytes) -> None:
    format, data = FILES[which]
    spoilt = bytearray(data)
    place = int(at * (len(data) - 8))
    spoilt[place : place + len(flip)] = flip
    made = decoder("image", {"side": 24})
    made.fit([np.zeros((24, 24, 3))])
    try:
        assert made.decode(BytesSource(f"x.{format}", bytes(spoilt)))[0].shape == (3, 24, 24)
    except CellError as error:
        assert str(error)
