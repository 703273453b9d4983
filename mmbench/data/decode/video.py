"""Films of any format and length become a fixed number of frames, evenly spaced."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal, NamedTuple

import av
import numpy as np
from pydantic import Field

from mmbench.data.decode import container
from mmbench.data.decode.base import Blank, Decoder, Layout, all_masked, sample, typical
from mmbench.data.decode.pixels import Wish
from mmbench.data.decode.reel import Reel
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import SeveralSources, Source
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

LENGTH, QUANTILE = 16, 0.5
FRAMES = 4
PATCHES = 16
LOOKED_AT = 16
"""Training films that are decoded to choose the size and the number of frames."""

KEPT = 512
"""Frames of a film that are held at once, reduced."""

LONGEST = 1_000_000
Side = Annotated[int, Field(ge=1, le=512)]


class Look(NamedTuple):
    length: int
    height: int
    width: int
    grey: bool
    bits: int = 8


class VideoDecoder(Decoder):
    """(T, channels, height, width) uint8 and a mask (T,) of the frames there are.

    Frames are counted by decoding them, since containers are often wrong, and T are taken at even distances in time
    over all of the film; a film with fewer has them all, unless its frame rate varies: then a frame is taken again for
    as long as it is shown. length: T, by default 16, or what the middling training film has. frames: of a token, by
    default 4 where there are so many. side, or height and width; patch; channels: as of an image, with about 16 patches
    a frame. blank: `missing` reads films of one colour as missing. Turned as the file says.
    """

    fitted = ("steps", "height", "width", "channels")

    def __init__(
        self,
        *,
        length: Annotated[int, Field(ge=1, le=256)] | None = None,
        frames: Annotated[int, Field(ge=1, le=256)] | None = None,
        side: Side | None = None,
        height: Side | None = None,
        width: Side | None = None,
        patch: Side | None = None,
        channels: Literal[1, 3] | None = None,
        blank: Blank = "keep",
    ) -> None:
        if length is not None and frames is not None and length % frames:
            raise UserError(f"`length` {length} is not a multiple of `frames` {frames}")
        self.wish = Wish(side=side, height=height, width=width, patch=patch)
        self.length, self.frames, self.channels = length, frames, channels
        self.blank, self.drops = blank, blank == "missing"

    def fit(self, cells: Sequence[Cell]) -> Layout:
        looks: list[Look] = self.measures(cells, LOOKED_AT)
        sizes = [(x.height, x.width) for x in looks]
        self.height, self.width, patch = self.wish.grid(sizes, PATCHES)
        self.channels = self.channels or (1 if all(x.grey for x in looks) else 3)
        # Of pictures that a cell names one by one, each counts.
        listed = any(isinstance(cell, SeveralSources) for cell in sample(cells, LOOKED_AT))
        length = self.length or typical([x.length for x in looks], 1.0 if listed else QUANTILE, LENGTH)
        frames = self.frames or next(n for n in (FRAMES, 2, 1) if (length >= 2 * n and length % n == 0) or n == 1)
        self.steps = -(-length // frames) * frames
        return Layout(
            shape=(self.steps, self.channels, self.height, self.width),
            dtype="uint8",
            steps=self.steps,
            stem="video",
            options={"frames": frames, "patch": patch},
            normal_axis=1,
            note=f"{self.steps} frames, evenly spaced, of {self.width} x {self.height} pixels"
            + self.wish.why(sizes, (self.height, self.width), patch)
            + _deep(looks),
        )

    def measure(self, cell: Cell) -> Look:
        count, frame = 0, None
        for frame in container.frames(_film(cell)):  # noqa: B007 - the last one is looked at
            count = _counted(count)
        if frame is None:
            raise CellError("has no frame that can be decoded")
        height, width = (frame.width, frame.height) if frame.rotation % 180 else (frame.height, frame.width)
        bits = max((c.bits for c in frame.format.components), default=8)
        return Look(count, height, width, frame.format.name.startswith("gray"), bits)

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        reel = Reel(max(KEPT, 2 * self.steps))
        for frame in container.frames(_film(cell)):
            reel.add(partial(self._reduced, frame), frame.time)
            _counted(reel.count - 1)
        if not reel.count:
            raise CellError("has no frame that can be decoded")
        taken = reel.taken(self.steps)
        values = np.zeros((self.steps, *taken[0].shape), np.uint8)
        values[: len(taken)] = np.stack(taken)
        return values, all_masked(values, np.arange(self.steps) < len(taken), self.blank, timed=True, channels=1)

    def _reduced(self, frame: av.VideoFrame) -> np.ndarray:
        """(channels, height, width) uint8."""
        sideways = bool(frame.rotation % 180)
        width, height = (self.height, self.width) if sideways else (self.width, self.height)
        format = "gray" if self.channels == 1 else "rgb24"
        small = frame.reformat(width, height, format, interpolation="AREA").to_ndarray()
        turned = np.rot90(small.reshape(height, width, -1), round(frame.rotation / 90) % 4)
        return np.ascontiguousarray(turned.transpose(2, 0, 1))


def _deep(looks: Sequence[Look]) -> str:
    """For a note: that grey films hold more than is read, as those of depth cameras do. Colours of 10 bits are seen."""
    deep = [x.bits for x in looks if x.grey and x.bits > 8]
    return f"; of grey frames of {max(deep)} bits the upper 8 are read (write pictures to keep all)" if deep else ""


def _film(cell: Cell) -> Source:
    if not isinstance(cell, Source):
        raise CellError(f"a video is a file, not {type(cell).__name__}")
    return cell


def _counted(count: int) -> int:
    if count >= LONGEST:
        raise CellError(f"has more than {LONGEST:,} frames; cut it into samples")
    return count + 1
