"""Pictures as films: TIFF stacks, WebP and PNG that move, and single ones, several of which a cell may name."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from PIL import ImageOps

from mmbench.data.decode import pages
from mmbench.data.decode.image_file import Opened, flat, numbers
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source

SUFFIXES = (".tif", ".tiff", ".webp", ".png", ".apng", ".jpg", ".jpeg", ".bmp")
MILLISECOND = Fraction(1, 1000)


def frames(cell: Source) -> Iterator[av.VideoFrame]:
    """Every page in its order, with its time where the file tells how long each is shown. Raises CellError."""
    with Opened(cell, 1) as image:
        shown, size = 0.0, image.size
        # What a camera puts behind its JPEG is a preview.
        for i in range(int(getattr(image, "n_frames", 1)) if image.format in pages.FORMATS else 1):
            image.seek(i)
            if numbers(image, cell) is not None:
                raise CellError(
                    "has pages of more than 8 bits, which are not read as a film; make them of 8 bits on one scale, or "
                    "read one of them (kind image, option page)"
                )
            if image.size != size:
                raise CellError(f"has pages of {size[0]} x {size[1]} and of {image.size[0]} x {image.size[1]} pixels")
            grey = image.mode in ("1", "L")
            values = np.asarray(flat(ImageOps.exif_transpose(image)).convert("L" if grey else "RGB"))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="gray" if grey else "rgb24")
            if (duration := image.info.get("duration")) is not None:
                frame.pts, frame.time_base = round(shown), MILLISECOND
                shown += float(duration)
            yield frame
