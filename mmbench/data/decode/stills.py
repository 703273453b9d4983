"""Pictures of several pages or frames that FFmpeg does not read as films: TIFF stacks, and WebP and PNG that move."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from mmbench.data.decode.image_file import Opened, flat, numbers
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source

SUFFIXES = (".tif", ".tiff", ".webp", ".png", ".apng")
MILLISECOND = Fraction(1, 1000)


def frames(cell: Source) -> Iterator[av.VideoFrame]:
    """Every page in its order, with its time where the file tells how long each is shown. Raises CellError."""
    with Opened(cell, 1) as image:
        shown, size = 0.0, image.size
        for i in range(int(getattr(image, "n_frames", 1))):
            image.seek(i)
            if numbers(image, cell) is not None:
                raise CellError(
                    "has pages of more than 8 bits, which are not read as a film; make them of 8 bits on one scale, or "
                    "read one of them (kind image, option page)"
                )
            if image.size != size:
                raise CellError(f"has pages of {size[0]} x {size[1]} and of {image.size[0]} x {image.size[1]} pixels")
            grey = image.mode in ("1", "L")
            values = np.asarray(flat(image).convert("L" if grey else "RGB"))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="gray" if grey else "rgb24")
            if (duration := image.info.get("duration")) is not None:
                frame.pts, frame.time_base = round(shown), MILLISECOND
                shown += float(duration)
            yield frame
