"""Images of any format and mode become pixels of one size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field

from mmbench.data.decode import deep, pages
from mmbench.data.decode.base import Blank, Decoder, Layout, all_masked
from mmbench.data.decode.deep import Extent, Scale
from mmbench.data.decode.image_file import ORIENTATION, TURNS, Opened, check_finite, flat, is_deep_colour, numbers
from mmbench.data.decode.pixels import LARGEST, Wish
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
PATCHES = 64
LOOKED_AT = 512
"""Training images whose headers choose the size."""

Side = Annotated[int, Field(ge=1, le=1024)]


class Look(NamedTuple):
    """extent: of the numbers, where they are of more than 8 bits. pages: of the file."""

    height: int
    width: int
    grey: bool
    unit: bool
    extent: Extent | None = None
    pages: int = 1


class ImageDecoder(Decoder):
    """(channels, height, width) uint8.

    side, or height and width: where they are left open, the median of the training images, reduced to about 64 x 64
    pixels in their typical shape. patch: side of a token's patch; about 64 patches by default. channels: 1 where all
    training images are grey. fit: `stretch` to that size, `pad` with white, or `crop` the middle; the latter two keep
    the ratio of the sides.

    Rotated as EXIF says; transparent pixels are laid on white. page: of a file with several pages or frames, counted
    from 1. blank: `missing` reads images of one colour as missing. Numbers (H, W) or (H, W, channels): as files have
    them.

    More than 8 bits a pixel become 8 on one scale for all images. range: the numbers that become black and white; those
    beyond become the nearer of these. By default what the format means (16 bits; floats up to 1 or 255, whichever
    training images have) where training images fill it well enough, else what they span.
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
        range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None,
        page: Annotated[int, Field(ge=1, le=100_000)] = 1,
        blank: Blank = "keep",
    ) -> None:
        if range is not None and not range[0] < range[1]:
            raise UserError("`range` is [least, most], the lesser number first")
        self.wish = Wish(side=side, height=height, width=width, patch=patch)
        self.channels, self.how, self.unit = channels, fit, True
        self.range, self.page = None if range is None else Scale(range[0], range[1], True), page
        self.scales: dict[str, Scale] = {}
        self.blank: Blank = blank
        self.drops = blank == "missing"

    def fit(self, cells: Sequence[Cell]) -> Layout:
        looks: list[Look] = self.measures(cells, LOOKED_AT, self.look)
        sizes = [(x.height, x.width) for x in looks]
        self.height, self.width, patch = self.wish.grid(sizes, PATCHES)
        self.channels = self.channels or (1 if all(x.grey for x in looks) else 3)
        self.unit = all(x.unit for x in looks)
        extents = [x.extent for x in looks if x.extent is not None]
        self.scales = deep.scales(extents, unit=self.unit) if self.range is None else {}
        return Layout(
            shape=(self.channels, self.height, self.width),
            dtype="uint8",
            steps=(self.height // patch) * (self.width // patch),
            whole=not self.drops,
            stem="image",
            options={"patch": patch},
            normal_axis=0,
            note=f"{'grey' if self.channels == 1 else 'colour'} images of {self.width} x {self.height} pixels"
            + self.wish.why(sizes, (self.height, self.width), patch)
            + deep.note(self.scales, Counter(x.family for x in extents), len(looks))
            + pages.note([x.pages for x in looks], self.page),
        )

    def state(self) -> dict[str, Any]:
        return super().state() | deep.to_state(self.scales)

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.scales = deep.from_state(state)

    def measure(self, cell: Cell) -> Look:
        if isinstance(cell, np.ndarray):
            _check(cell)
            height, width = cell.shape[:2]
            return Look(height, width, cell.ndim == 2 or cell.shape[2] == 1, float(cell.max()) <= 1)
        with Opened(cell, self.page) as image:
            turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
            width, height = image.size[::-1] if turned else image.size
            return Look(height, width, image.mode in GREY, True)

    def look(self, cell: Cell) -> Look:
        """As `measure`, with what only the pixels and all of the file tell."""
        found = self.measure(cell)
        if isinstance(cell, np.ndarray):
            many = cell.dtype not in (np.uint8, bool)
            return found._replace(extent=Extent.of(cell, deep.family_of(cell)) if many else None)
        with Opened(cell, self.page) as image:
            deep_numbers = numbers(image, cell)
            if deep_numbers is not None:
                values, family = deep_numbers
                check_finite(values)
                unit = family != deep.FLOAT or float(values.max()) <= 1
                found = found._replace(extent=Extent.of(values, family), unit=unit)
            return found._replace(pages=pages.count(image))

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        if isinstance(cell, np.ndarray):
            image = self._from_numbers(cell)
        else:
            with Opened(cell, self.page) as opened:
                # JPEG decodes at a half, a quarter or an eighth of its size at far less cost.
                opened.draft(None, (2 * max(self.width, self.height),) * 2)
                image = self._upright(opened, cell)
        image = self._sized(image.convert("L" if self.channels == 1 else "RGB"))
        values = np.asarray(image).reshape(self.height, self.width, -1).transpose(2, 0, 1)
        return values, all_masked(values, None, self.blank, timed=False, channels=0)

    def _upright(self, opened: Image.Image, cell: Cell) -> Image.Image:
        """8 bits a channel, turned as EXIF says, and nothing transparent."""
        deep_colour = is_deep_colour(opened)
        # What Pillow makes of 16-bit colours are their upper 8 bits: all that the format's own scale keeps.
        if opened.mode in ("RGB", "RGBA", "LA") and not (deep_colour and self._scale(deep.SIXTEEN).given):
            return flat(ImageOps.exif_transpose(opened))
        deep_numbers = numbers(opened, cell)
        if deep_numbers is None:
            return flat(ImageOps.exif_transpose(opened))
        values, family = deep_numbers
        check_finite(values)
        shown = Image.fromarray(deep.to_bytes(values, self._scale(family)))
        orientation = opened.getexif().get(ORIENTATION, 1)
        return shown.transpose(TURNS[orientation]) if orientation in TURNS else shown

    def _scale(self, family: str) -> Scale:
        return self.range or self.scales.get(family) or deep.own(family, unit=self.unit)

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
        else:
            values = deep.to_bytes(cell, self._scale(deep.family_of(cell)))
        return flat(Image.fromarray(values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values))


def _check(cell: np.ndarray) -> None:
    if cell.ndim not in (2, 3) or (cell.ndim == 3 and cell.shape[2] not in (1, 3, 4)) or not cell.size:
        raise CellError(f"has the shape {cell.shape}; an image is (height, width) or (height, width, 1, 3 or 4)")
    if cell.dtype.kind not in "uifb":
        raise CellError(f"holds {cell.dtype}; an image holds numbers")
    check_finite(cell)
    if cell.shape[0] * cell.shape[1] > LARGEST:
        raise CellError(f"has {cell.shape[1]} x {cell.shape[0]} pixels, more than {LARGEST:,}; make it smaller")
