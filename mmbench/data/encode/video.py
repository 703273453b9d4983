"""Films as features of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic

from mmbench.data.decode import container
from mmbench.data.decode.video import VideoDecoder
from mmbench.data.encode.encoded import TOKENS, Encoded, Prepared, Tokens
from mmbench.data.encode.patches import patches, picture, pixels
from mmbench.data.encode.token_pooling import Field
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell
from mmbench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


FRAMES = 16


FILMS = ("videomae", "timesformer")
"""Encoders of whole films. One of images sees frames one by one, and gives a token a frame."""


class EncodedVideo(Encoded):
    """Films: frames at even distances over all of it. frames: how many an encoder of images is shown; one of films has
    a number of its own."""

    kind, held = "video", 8

    def __init__(
        self,
        *,
        encoder: str,
        revision: str | None = None,
        pool: bool = False,
        tokens: Tokens = TOKENS,
        frames: Annotated[int, pydantic.Field(ge=1, le=256)] | None = None,
    ) -> None:
        super().__init__(encoder=encoder, revision=revision, pool=pool, tokens=tokens)
        self.frames = frames

    def identity_fields(self) -> dict[str, Any]:
        # Frames of films with a variable rate were once even by count.
        return super().identity_fields() | {"frames": self._count(), "even": "in time"}

    def _film(self) -> bool:
        return self.model.config.model_type in FILMS

    def _count(self) -> int:
        config = self.model.config
        if not self._film():
            if hasattr(config, "num_frames") or hasattr(config, "tubelet_size"):
                raise UserError(f"encoder {self.encoder!r}: of films, mmbench runs {', '.join(FILMS)} or one of images")
            return self.frames or FRAMES
        if self.frames not in (None, config.num_frames):
            raise UserError(f"encoder {self.encoder!r} sees {config.num_frames} frames; leave `frames` out")
        return int(config.num_frames)

    def prepare(self, cell: Cell) -> Prepared:
        frames = _frames(cell, self._count(), _edge(self.model.prepare))
        if not self._film():
            return Prepared(runs=[pixels(self.model, [f]) for f in frames])
        # A film that is too short stands still now and then.
        taken = ((np.arange(self._count()) + 0.5) * len(frames) / self._count()).astype(int)
        return Prepared(runs=[pixels(self.model, [frames[i] for i in taken])])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        import torch

        config, shown = self.model.config, prepared.runs[0]["pixel_values"]
        if not self._film():
            seen = [picture(h, shown, config).mean() if p is None else p for h, p in zip(hidden, pooled, strict=True)]
            return Field(grid=torch.stack(seen), time=0)
        times = config.num_frames // getattr(config, "tubelet_size", 1)
        apart = len(hidden[0]) % times
        size = patches(len(hidden[0]) // times, shown, config)
        assert size is not None
        if config.model_type == "timesformer":
            return Field(grid=hidden[0][apart:].unflatten(0, (*size, times)), time=2, first=hidden[0][:apart])
        return Field(grid=hidden[0][apart:].unflatten(0, (times, *size)), time=0, first=hidden[0][:apart])

    def length(self, cells: Sequence[Cell], first: np.ndarray) -> int:
        return len(first) if self._film() else min(self.tokens, self._count())


def _edge(processor: Any) -> int:
    """Pixels of the shorter side that an encoder looks at; more are not kept of a frame."""
    size = processor.size
    return max(int(v) for v in (size if isinstance(size, dict) else vars(size)).values() if v)


def _frames(cell: Cell, count: int, edge: int) -> np.ndarray:
    """(at most count, 3, height, width) uint8, the shorter side at most `edge`. Raises CellError."""
    if not isinstance(cell, Source):
        raise CellError(f"a video is a file, not {type(cell).__name__}")
    first = next(container.frames(cell), None)
    if first is None:
        raise CellError("has no frame that can be decoded")
    reader = VideoDecoder(length=count, channels=3)
    height, width = (first.width, first.height) if first.rotation % 180 else (first.height, first.width)
    shrink = min(1.0, edge / min(height, width))
    reader.steps, reader.height, reader.width = count, max(1, round(height * shrink)), max(1, round(width * shrink))
    values, mask = reader.decode(cell)
    return values[mask]
