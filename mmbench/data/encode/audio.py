"""Sound as features of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pydantic

from mmbench.data.decode.audio import AudioDecoder
from mmbench.data.encode.encoded import TOKENS, Encoded, Prepared, Tokens
from mmbench.data.encode.model import Model
from mmbench.data.encode.token_pooling import MOST_FIRST, Field
from mmbench.data.table.table import Cell

if TYPE_CHECKING:
    from torch import Tensor


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

    def identity_fields(self) -> dict[str, Any]:
        return super().identity_fields() | {"seconds": self.seconds, "rate": self.reader.rate}

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
