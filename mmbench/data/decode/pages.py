"""Picture files of several pages or frames (TIFF stacks, animations), and those with more than 8 bits a colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import av
import numpy as np
from PIL import Image

from mmbench.data.files.problems import CellError, reason
from mmbench.data.files.source import Source

FORMATS = ("TIFF", "GIF", "PNG", "WEBP", "AVIF")
"""Those whose further pages are content. Of a JPEG they are a camera's previews, of an icon its sizes."""

_SUBFILE, _REDUCED, _MASK = 254, 1, 4
"""The tag by which a page of a TIFF says that it is a smaller version, or a mask, of another."""


def count(image: Image.Image) -> int:
    """Pages or frames; smaller versions and masks of a page are none."""
    if image.format not in FORMATS:
        return 1
    frames = int(getattr(image, "n_frames", 1))
    if image.format != "TIFF" or frames == 1:
        return frames
    at, real = image.tell(), 0
    for i in range(frames):
        image.seek(i)
        kind = image.tag_v2.get(_SUBFILE, 0)  # type: ignore[attr-defined]
        real += not (isinstance(kind, int) and kind & (_REDUCED | _MASK))
    image.seek(at)
    return max(1, real)


def turn_to(image: Image.Image, page: int) -> None:
    """Go to a page, counted from 1. Raises CellError where there is none."""
    frames = int(getattr(image, "n_frames", 1))
    if page > frames:
        raise CellError(f"has {frames} page{'s' if frames > 1 else ''}, so there is no page {page} (option `page`)")
    image.seek(page - 1)


def note(counts: Sequence[int], page: int) -> str:
    """For a note: that there are further pages, and which one is read."""
    several = [n for n in counts if n > 1]
    if not several:
        return ""
    usual, _ = Counter(several).most_common(1)[0]
    of = f"{usual} pages or frames" if len(set(several)) == 1 else f"up to {max(several)} pages or frames"
    which = "the first" if page == 1 else f"page {page}"
    share = f"{len(several):,} of {len(counts):,} training images looked at"
    return f"; {share} have {of}, of which only {which} is read (option page; kind video reads all)"


def sixteen_bits(cell: Source, format: str) -> np.ndarray:
    """(H, W, 3) uint16 of colours of 16 bits, which FFmpeg reads whole; what is transparent is laid on white.

    format: PNG or TIFF. Raises CellError.
    """
    try:
        with cell.open() as stream, av.open(stream, "r", format=f"{format.lower()}_pipe") as found:
            # A file is opened as a stream alone, so it can name no other.
            frame = next(found.decode(video=0))
            values = frame.to_ndarray(format="rgba64le")
    except (av.FFmpegError, ValueError, StopIteration, OSError, EOFError, IndexError, MemoryError) as error:
        raise CellError(f"is a broken image ({reason(error)}); copy or make it again") from None
    if (values[..., 3] == 65535).all():
        return np.ascontiguousarray(values[..., :3])
    alpha = values[..., 3:].astype(np.float64) / 65535
    return (values[..., :3] * alpha + 65535 * (1 - alpha)).round().astype(np.uint16)
