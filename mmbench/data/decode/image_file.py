"""An image file, open, and its pixels as the file has them."""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmbench.data.decode import deep, pages
from mmbench.data.decode.pixels import LARGEST
from mmbench.data.files.problems import CellError, reason
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "PCX", "SGI", "ICO")
"""Those that Pillow decodes by itself: some others would start other programs, such as Ghostscript for EPS."""

# All of Pillow's plugins: it would load most of them only where the first few know a file not.
Image.init()

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright that EXIF says lies so."""


class Opened:
    """An image file, open; whatever goes wrong within becomes a CellError."""

    def __init__(self, cell: Cell, page: int) -> None:
        if not isinstance(cell, Source):
            raise CellError(f"an image is a file or an array, not {type(cell).__name__}")
        self.stream, self.page = cell.open(), page
        self.warnings = warnings.catch_warnings()

    def __enter__(self) -> Image.Image:
        self.warnings.__enter__()
        warnings.simplefilter("ignore")
        try:
            self.image = Image.open(self.stream, formats=FORMATS)
            if self.page > 1:
                pages.turn_to(self.image, self.page)
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


def flat(image: Image.Image) -> Image.Image:
    """8 bits a channel, and nothing transparent."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image


def numbers(image: Image.Image, cell: Cell) -> tuple[np.ndarray, str] | None:
    """The pixels as the file has them, and their family; None where they are of 8 bits."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), deep.SIXTEEN
    if image.mode == "I":
        return np.asarray(image), deep.SIXTEEN
    if image.mode == "F":
        return np.asarray(image), deep.FLOAT
    if is_deep_colour(image) and isinstance(cell, Source) and image.tell() == 0:
        return pages.sixteen_bits(cell, image.format or ""), deep.SIXTEEN
    return None


def is_deep_colour(image: Image.Image) -> bool:
    """Whether it has colours of 16 bits: Pillow has no mode for them."""
    tiles = getattr(image, "tile", [])
    return (
        image.format in ("PNG", "TIFF")
        and image.mode in ("RGB", "RGBA", "LA")
        and any(";16" in str(tile.args) for tile in tiles)
    )


def check_finite(values: np.ndarray) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise CellError("has NaN or Inf among its pixels")
