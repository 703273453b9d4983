"""Images of any format and mode become pixels of one size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import Field

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.pixels import LARGEST, Wish
from mmbench.data.files.problems import CellError, reason
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "PCX", "SGI", "ICO")
"""Those that Pillow decodes by itself: some others would start other programs, such as Ghostscript for EPS."""

# All of Pillow's plugins: it would load most of them only where the first few know a file not.
Image.init()

GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
PATCHES = 64
LOOKED_AT = 512
"""Training images whose headers choose the size."""

_ORIENTATION = 0x0112
Side = Annotated[int, Field(ge=1, le=1024)]


class Look(NamedTuple):
    height: int
    width: int
    grey: bool
    unit: bool


class ImageDecoder(Decoder):
    """(channels, height, width) uint8.

    side, or height and width: where they are left open, the median of the training images, reduced to about 64 x 64
    pixels in their typical shape. patch: side of a token's patch; about 64 patches by default. channels: 1 where all
    training images are grey. fit: `stretch` to that size, `pad` with white, or `crop` the middle; the latter two keep
    the ratio of the sides.

    Rotated as EXIF says; transparent pixels are laid on white; of an animation the first frame; 16 bits become 8.
    Numbers (H, W) or (H, W, channels): uint8, uint16, or floats in [0, 1] or [0, 255], whichever training images have.
    """

    fitted = ("height", "width", "channels", "unit")

    def __init__(
        self,
        *,
        side: Side | None = None,
        height: Side | None = None,
        width: Side | None = None,
        patch: Side | None = None,
        channels: Literal[1, 3] | None = None,
        fit: Literal["stretch", "pad", "crop"] = "stretch",
    ) -> None:
        self.wish = Wish(side=side, height=height, width=width, patch=patch)
        self.channels, self.how, self.unit = channels, fit, True

    def fit(self, cells: Sequence[Cell]) -> Layout:
        looks: list[Look] = self.measures(cells, LOOKED_AT)
        sizes = [(x.height, x.width) for x in looks]
        self.height, self.width, patch = self.wish.grid(sizes, PATCHES)
        self.channels = self.channels or (1 if all(x.grey for x in looks) else 3)
        self.unit = all(x.unit for x in looks)
        return Layout(
            shape=(self.channels, self.height, self.width),
            dtype="uint8",
            steps=(self.height // patch) * (self.width // patch),
            whole=True,
            stem="image",
            options={"patch": patch},
            normal_axis=0,
            note=f"{'grey' if self.channels == 1 else 'colour'} images of {self.width} x {self.height} pixels"
            + self.wish.why(sizes, (self.height, self.width), patch),
        )

    def measure(self, cell: Cell) -> Look:
        if isinstance(cell, np.ndarray):
            _check(cell)
            height, width = cell.shape[:2]
            return Look(height, width, cell.ndim == 2 or cell.shape[2] == 1, float(cell.max()) <= 1)
        with _Opened(cell) as image:
            turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return Look(height, width, image.mode in GREY, True)

    def decode(self, cell: Cell) -> tuple[np.ndarray, None]:
        if isinstance(cell, np.ndarray):
            image = self._from_numbers(cell)
        else:
            with _Opened(cell) as opened:
                # JPEG decodes at a half, a quarter or an eighth of its size at far less cost.
                opened.draft(None, (2 * max(self.width, self.height),) * 2)
                image = _flat(ImageOps.exif_transpose(opened))
        image = self._sized(image.convert("L" if self.channels == 1 else "RGB"))
        return np.asarray(image).reshape(self.height, self.width, -1).transpose(2, 0, 1), None

    def _sized(self, image: Image.Image) -> Image.Image:
        size = self.width, self.height
        if self.how == "pad":
            return ImageOps.pad(image, size, Image.Resampling.BILINEAR, color="white")
        if self.how == "crop":
            return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
        return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)

    def _from_numbers(self, cell: np.ndarray) -> Image.Image:
        _check(cell)
        if cell.dtype == np.uint8:
            values = cell
        elif cell.dtype == bool:
            values = cell * np.uint8(255)
        elif cell.dtype == np.uint16:
            values = (cell >> 8).astype(np.uint8)
        else:
            top = 1 if self.unit and cell.dtype.kind == "f" else 255
            values = _to_bytes(cell, top)
        return _flat(Image.fromarray(values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values))


class _Opened:
    """An image file, open; whatever goes wrong within becomes a CellError."""

    def __init__(self, cell: Cell) -> None:
        if not isinstance(cell, Source):
            raise CellError(f"an image is a file or an array, not {type(cell).__name__}")
        self.stream = cell.open()
        self.warnings = warnings.catch_warnings()

    def __enter__(self) -> Image.Image:
        self.warnings.__enter__()
        warnings.simplefilter("ignore")
        try:
            self.image = Image.open(self.stream, formats=FORMATS)
            width, height = self.image.size
            if width * height > LARGEST:
                raise CellError(f"is said to have {width} x {height} pixels, more than {LARGEST:,}; make it smaller")
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self.image

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.warnings.__exit__(None, None, None)
        self.stream.close()
        if isinstance(error, UnidentifiedImageError):
            raise CellError("is not an image that can be read; PNG, JPEG, TIFF, WebP, GIF and BMP can") from None
        if isinstance(error, Image.DecompressionBombError):
            raise CellError(f"is said to have more than {LARGEST:,} pixels; make it smaller") from None
        # Pillow's plugins let through whatever broken bytes make of them.
        if isinstance(error, Exception) and not isinstance(error, CellError):
            raise CellError(f"is a broken image ({reason(error)}); copy or make it again") from None


def _flat(image: Image.Image) -> Image.Image:
    """8 bits a channel, and nothing transparent."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "I":
        return Image.fromarray(_to_bytes(np.asarray(image), 65535))
    if image.mode == "F":
        values = np.asarray(image)
        return Image.fromarray(_to_bytes(values, 1 if values.max() <= 1 else 255))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image


def _to_bytes(values: np.ndarray, top: int) -> np.ndarray:
    """Numbers in [0, top] -> uint8."""
    _finite(values)
    if values.min() < 0 or values.max() > top:
        raise CellError(f"has pixels from {values.min():g} to {values.max():g}; they should lie in [0, {top}]")
    return (values.astype(np.float64) * (255 / top)).round().astype(np.uint8)


def _check(cell: np.ndarray) -> None:
    if cell.ndim not in (2, 3) or (cell.ndim == 3 and cell.shape[2] not in (1, 3, 4)) or not cell.size:
        raise CellError(f"has the shape {cell.shape}; an image is (height, width) or (height, width, 1, 3 or 4)")
    if cell.dtype.kind not in "uifb":
        raise CellError(f"holds {cell.dtype}; an image holds numbers")
    _finite(cell)
    if cell.shape[0] * cell.shape[1] > LARGEST:
        raise CellError(f"has {cell.shape[1]} x {cell.shape[0]} pixels, more than {LARGEST:,}; make it smaller")


def _finite(values: np.ndarray) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise CellError("has NaN or Inf among its pixels")
