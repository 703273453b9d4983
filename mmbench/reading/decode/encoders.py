"""The kinds that a pretrained encoder reads: what it is given, and how the tokens lie that it gives."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic
from PIL import Image

from mmbench.reading.decode import Layout, container
from mmbench.reading.decode.audio import AudioDecoder
from mmbench.reading.decode.encoded import TOKENS, Encoded, Prepared, Tokens
from mmbench.reading.decode.image import ImageDecoder
from mmbench.reading.decode.text import read_text
from mmbench.reading.decode.video import VideoDecoder
from mmbench.reading.pretrained.model import Model
from mmbench.reading.pretrained.thin import MOST_FIRST, Field, rectangle
from mmbench.reading.problems import CellError
from mmbench.reading.source import Source
from mmbench.reading.table import Cell
from mmbench.registry import UserError

if TYPE_CHECKING:
    from torch import Tensor


class EncodedText(Encoded):
    """Texts: what lies beyond the encoder's longest input is cut."""

    kind, held = "text", 256

    def prepare(self, cell: Cell) -> Prepared:
        text = read_text(cell)
        inputs = self.model.prepare(text, truncation=True, max_length=_longest(self.model), return_tensors="pt")
        if not inputs["input_ids"].shape[1]:
            raise CellError("has no word that the encoder knows; leave the cell empty where a sample has no text")
        return Prepared(runs=[dict(inputs)])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        return Field(grid=hidden[0], time=0)

    def measure(self, cell: Cell) -> int:
        return int(self.prepare(cell).runs[0]["input_ids"].shape[1])

    def length(self, cells: Sequence[Cell], first: np.ndarray) -> int:
        return min(self.tokens, max(self.measures(cells, len(cells))))


def _longest(model: Model) -> int:
    """Tokens of a text. RoBERTa's positions begin at 2, so two of them are no tokens; a tokenizer may not know."""
    said, positions = model.prepare.model_max_length, getattr(model.config, "max_position_embeddings", None) or 512
    return int(said if said <= positions else max(1, positions - 2))


class EncodedImage(Encoded):
    """Images, at their full size, made as large as the encoder wants them by its own preprocessing."""

    kind, held = "image", 64

    def __init__(
        self, *, encoder: str, revision: str | None = None, pool: bool = False, tokens: Tokens = TOKENS
    ) -> None:
        super().__init__(encoder=encoder, revision=revision, pool=pool, tokens=tokens)
        self.reader = ImageDecoder(channels=3)

    def fit(self, cells: Sequence[Cell]) -> Layout:
        # How numbers in place of a file are scaled is seen over all training images.
        self.reader.fit(cells)
        return super().fit(cells)

    def state(self) -> dict[str, Any]:
        return super().state() | {"unit": self.reader.unit}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.reader.unit = state["unit"]

    def asked(self) -> dict[str, Any]:
        return super().asked() | {"unit": self.reader.unit}

    def prepare(self, cell: Cell) -> Prepared:
        reader = copy.copy(self.reader)
        look = reader.measure(cell)
        reader.height, reader.width = look.height, look.width
        pixels, _ = reader.decode(cell)
        return Prepared(runs=[_pixels(self.model, [pixels])])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        return _picture(hidden[0], prepared.runs[0]["pixel_values"], self.model.config)


def _pixels(model: Model, frames: Sequence[np.ndarray]) -> dict[str, Tensor]:
    """From (3, height, width) uint8."""
    images = [Image.fromarray(np.ascontiguousarray(f.transpose(1, 2, 0))) for f in frames]
    # Keywords differ between the processors of images and of frames; the first argument is the same.
    return {"pixel_values": model.prepare(images, return_tensors="pt")["pixel_values"]}


def _picture(hidden: Tensor, pixels: Tensor, config: Any) -> Field:
    if hidden.ndim == 3:
        return Field(grid=hidden.movedim(0, -1))
    size = _patches(len(hidden), pixels, config)
    if size is None:
        return Field(grid=hidden)
    apart = len(hidden) - size[0] * size[1]
    return Field(grid=hidden[apart:].unflatten(0, size), first=hidden[:apart])


def _patches(tokens: int, pixels: Tensor, config: Any) -> tuple[int, int] | None:
    patch = getattr(config, "patch_size", None)
    patch = patch[-1] if isinstance(patch, list | tuple) else patch
    return rectangle(tokens, pixels.shape[-2], pixels.shape[-1], patch)


SHORTEST = 0.1
"""Seconds; shorter sound is followed by silence, since the windows of some encoders would not fit."""


class EncodedAudio(Encoded):
    """Sound, at the rate that the encoder was trained with. seconds: what lies beyond is cut. rate: of cells that are
    arrays of samples."""

    kind, held = "audio", 32

    def __init__(
        self,
        *,
        encoder: str,
        revision: str | None = None,
        pool: bool = False,
        tokens: Tokens = TOKENS,
        seconds: Annotated[float, pydantic.Field(gt=0, le=600)] = 30.0,
        rate: Annotated[int, pydantic.Field(ge=1000, le=192_000)] | None = None,
    ) -> None:
        super().__init__(encoder=encoder, revision=revision, pool=pool, tokens=tokens)
        self.seconds, self.reader = seconds, AudioDecoder(rate=rate)

    def asked(self) -> dict[str, Any]:
        return super().asked() | {"seconds": self.seconds, "rate": self.reader.rate}

    def prepare(self, cell: Cell) -> Prepared:
        prepare = self.model.prepare
        rate = int(prepare.sampling_rate)
        samples = self.reader.waveform(cell, self.seconds, rate)[: round(self.seconds * rate)]
        samples = np.pad(samples, (0, max(0, round(SHORTEST * rate) - len(samples))))
        inputs = prepare(samples, sampling_rate=rate, return_tensors="pt")
        whole = _window(self.model, rate)
        return Prepared(runs=[dict(inputs)], real=min(1.0, len(samples) / whole) if whole else 1.0)

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        return _spectrum(hidden[0], self.model.config).until(prepared.real)

    def length(self, cells: Sequence[Cell], first: np.ndarray) -> int:
        return self.tokens


def _window(model: Model, rate: int) -> float | None:
    """Samples that all sound is filled up to with silence, by encoders that take one length only."""
    if model.config.model_type == "whisper":
        return float(model.prepare.n_samples)
    # Frames of 10 ms.
    return model.prepare.max_length * rate / 100 if hasattr(model.config, "frequency_stride") else None


def _spectrum(hidden: Tensor, config: Any) -> Field:
    """Time alone, or bands x time as the Audio Spectrogram Transformer cuts it (Gong et al. 2021)."""
    if not hasattr(config, "frequency_stride"):
        return Field(grid=hidden, time=0)
    bands = (config.num_mel_bins - config.patch_size) // config.frequency_stride + 1
    times = (config.max_length - config.patch_size) // config.time_stride + 1
    apart = len(hidden) - bands * times
    assert 0 <= apart <= MOST_FIRST
    return Field(grid=hidden[apart:].unflatten(0, (bands, times)), time=1, first=hidden[:apart])


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

    def asked(self) -> dict[str, Any]:
        return super().asked() | {"frames": self._count()}

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
            return Prepared(runs=[_pixels(self.model, [f]) for f in frames])
        # A film that is too short stands still now and then.
        taken = ((np.arange(self._count()) + 0.5) * len(frames) / self._count()).astype(int)
        return Prepared(runs=[_pixels(self.model, [frames[i] for i in taken])])

    def field(self, hidden: Sequence[Tensor], pooled: Sequence[Tensor | None], prepared: Prepared) -> Field:
        import torch

        config, pixels = self.model.config, prepared.runs[0]["pixel_values"]
        if not self._film():
            seen = [_picture(h, pixels, config).mean() if p is None else p for h, p in zip(hidden, pooled, strict=True)]
            return Field(grid=torch.stack(seen), time=0)
        times = config.num_frames // getattr(config, "tubelet_size", 1)
        apart = len(hidden[0]) % times
        size = _patches(len(hidden[0]) // times, pixels, config)
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


ALL: tuple[type[Encoded], ...] = (EncodedText, EncodedImage, EncodedAudio, EncodedVideo)
