"""Sound of any format, rate and length becomes log-mel spectrograms."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Annotated, Any, NamedTuple

import numpy as np
import soundfile
import soxr
from pydantic import Field

from mmbench.data.decode import container, wav
from mmbench.data.decode.base import Blank, Decoder, Layout, all_masked, describe_cut, typical
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

RATE, HOP, BANDS = 16_000, 0.01, 40
"""Highest rate and the other defaults: samples a second, seconds from frame to frame, mel bands."""

SECONDS, QUANTILE = 10.0, 0.95
TOKENS = 32
LEAST = 8
LOOKED_AT = 512

FLOOR = 1e-6
"""Added to the power before its logarithm: silence is -60 dB."""

LOUDEST = 1e6
"""Files of floats hold 16-bit numbers at times; what lies far beyond is no sound."""

LARGEST = 1 << 27
"""Samples, over all channels, that one cell may have before it is cut."""


class Look(NamedTuple):
    seconds: float
    rate: int


class AudioDecoder(Decoder):
    """(T, mels) float16 decibels and a mask (T,) of the frames in which there is sound.

    WAV, FLAC, OGG and MP3 through libsndfile, other files (AAC, and the sound tracks of films) through FFmpeg; channels
    are averaged. rate: samples a second; by default the commonest of the training samples, at most 16,000. seconds:
    beyond them sound is cut; by default what holds 95 % of the training samples, at most 10. mels: bands. hop: seconds
    from frame to frame. frames: of a token; by default so many that there are at most 32 tokens. blank: `missing` reads
    silence as missing. Windows are Hann, at
    least two and a half hops and a power of two long.

    An array holds samples (n,) or (n, channels), floats or 16-bit or 32-bit whole numbers, at `rate`.
    """

    fitted = ("rate", "hop", "steps", "samples")

    def __init__(
        self,
        *,
        rate: Annotated[int, Field(ge=1000, le=192_000)] | None = None,
        mels: Annotated[int, Field(ge=1, le=256)] = BANDS,
        hop: Annotated[float, Field(ge=0.001, le=1)] = HOP,
        seconds: Annotated[float, Field(gt=0, le=600)] | None = None,
        frames: Annotated[int, Field(ge=1, le=1000)] | None = None,
        blank: Blank = "keep",
    ) -> None:
        self.rate, self.mels, self.seconds, self.frames = rate, mels, seconds, frames
        self.hop_seconds, self.blank, self.drops = hop, blank, blank == "missing"

    def fit(self, cells: Sequence[Cell]) -> Layout:
        looks: list[Look] = self.measures(cells, LOOKED_AT)
        rates = [x.rate for x in looks]
        self.rate = self.rate or min(RATE, max(set(rates), key=lambda r: (rates.count(r), r)))
        self.hop = max(1, round(self.hop_seconds * self.rate))
        self._tune()
        milliseconds = [round(1000 * x.seconds) for x in looks]
        seconds = self.seconds or typical(milliseconds, QUANTILE, round(1000 * SECONDS)) / 1000
        length = max(LEAST, self._frames_of(round(seconds * self.rate)))
        frames = self.frames or -(-length // TOKENS)
        self.steps = -(-length // frames) * frames
        # To the end of the last frame.
        self.samples = (self.steps - 1) * self.hop + self._size
        longer = describe_cut([x.seconds for x in looks], self.samples / self.rate, "seconds")
        return Layout(
            shape=(self.steps, self.mels),
            dtype="float16",
            steps=self.steps,
            stem="audio",
            options={"frames": frames},
            normal_axis=1,
            note=(
                f"{self.mels} mel bands of sound at {self.rate:,} Hz, a frame every {self.hop / self.rate:g} s; "
                f"up to {self.samples / self.rate:.2f} s; {longer}"
            ),
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._tune()

    def _tune(self) -> None:
        """The filters and the window of this rate and hop."""
        assert self.rate is not None
        self.filters = _filters(self.rate, self.mels, self.hop)
        # In double precision, as all that follows: in single, the last bits depend on threads and on the processor, and
        # so would the hash of the data, by which trials of several machines are put together.
        self.window = np.hanning(self._size + 1)[:-1]

    @property
    def _size(self) -> int:
        """Samples of a window."""
        return 2 * (self.filters.shape[0] - 1)

    def _frames_of(self, samples: int) -> int:
        """Frames that hold so many samples, the last filled up with silence."""
        return 1 + -(-max(0, samples - self._size) // self.hop)

    def measure(self, cell: Cell) -> Look:
        if isinstance(cell, np.ndarray):
            rate = self._rate_of_arrays()
            return Look(len(_mono(cell)) / rate, rate)
        if not _is_film(cell):
            with suppress(*_UNKNOWN), _sound(_source(cell)) as sound:
                return Look(sound.frames / sound.samplerate, sound.samplerate)
        samples, rate = container.sound(_source(cell), SECONDS if self.seconds is None else self.seconds)
        return Look(len(samples) / rate, rate)

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        assert self.rate is not None
        samples = self.waveform(cell, self.samples / self.rate, self.rate)[: self.samples]
        real = min(self.steps, self._frames_of(len(samples)))
        padded = np.zeros((real - 1) * self.hop + self._size, np.float32)
        padded[: len(samples)] = samples
        values = np.zeros((self.steps, self.mels), np.float16)
        values[:real] = self.log_mel(padded)
        return values, all_masked(values, np.arange(self.steps) < real, self.blank, timed=True)

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 -> (frames, mels) decibels of the power in each band, never infinite.

        librosa.feature.melspectrogram with center=False gives the same power, but builds its filters anew each time.
        """
        runs = np.lib.stride_tricks.sliding_window_view(samples, self._size)[:: self.hop]
        spectrum = np.fft.rfft(runs * self.window)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        # float16 ends at 65,504: no decibels of finite samples come near.
        return 10 * np.log10(power @ self.filters + FLOOR)

    def waveform(self, cell: Cell, seconds: float, rate: int) -> np.ndarray:
        """Samples (n,) float32 of the first seconds, at this rate. Raises CellError."""
        samples, own = self._samples(cell, seconds)
        if not np.isfinite(samples).all():
            raise CellError(f"has {int((~np.isfinite(samples)).sum())} samples that are NaN or infinite")
        if np.abs(samples).max(initial=0) > LOUDEST:
            raise CellError(f"has samples up to {np.abs(samples).max():g}; they should lie in [-1, 1]")
        return samples if own == rate else soxr.resample(samples, own, rate, quality="HQ")

    def _samples(self, cell: Cell, seconds: float) -> tuple[np.ndarray, int]:
        """Samples (n,) float32 of the first seconds, and their rate. Raises CellError."""
        if isinstance(cell, np.ndarray):
            rate = self._rate_of_arrays()
            return _mono(cell)[: int(np.ceil(seconds * rate))], rate
        if not _is_film(cell):
            with suppress(*_UNKNOWN), _sound(_source(cell)) as sound:
                count = min(sound.frames, int(np.ceil(seconds * sound.samplerate)))
                if count * sound.channels > LARGEST:
                    raise CellError(f"claims {count:,} samples in {sound.channels} channels; make it smaller")
                values = sound.read(count, dtype="float32", always_2d=True)
                if not len(values):
                    raise CellError("ends before its first sample; copy it again")
                # The padding of an MP3, not always told in its header, is of up to two frames of 1152 samples.
                if len(values) < count - 2 * 1152:
                    raise CellError(f"ends after {len(values):,} of {count:,} samples that it claims; copy it again")
                return values.mean(axis=1) if values.shape[1] > 1 else values[:, 0], sound.samplerate
        return container.sound(_source(cell), seconds)

    def _rate_of_arrays(self) -> int:
        if self.rate is None:
            raise CellError("holds samples, whose rate must be given as the option `rate`")
        return self.rate


_UNKNOWN = (soundfile.SoundFileError, TypeError)
"""What soundfile raises for a format that it does not know (TypeError: one whose suffix stands for bare samples)."""


@contextmanager
def _sound(cell: Source) -> Iterator[Any]:
    """The file, opened by libsndfile. Raises CellError where what it claims cannot be."""
    with ExitStack() as stack:
        # libsndfile is quicker with a path than with calls back into Python.
        place = str(cell.file) if cell.file is not None else stack.enter_context(cell.open())
        sound = stack.enter_context(soundfile.SoundFile(place))
        if not 1000 <= sound.samplerate <= 768_000:
            raise CellError(f"claims {sound.samplerate:,} samples a second; it is broken")
        if cell.suffix == ".wav" and (mended := wav.whole(stack.enter_context(cell.open()))) is not None:
            sound = stack.enter_context(soundfile.SoundFile(mended))
        if not sound.frames:
            raise CellError("has no sample in it")
        yield sound


def _is_film(cell: Cell) -> bool:
    """Films are not shown to libsndfile: it may take one for an MP3."""
    return _source(cell).suffix in container.SUFFIXES


def _source(cell: Cell) -> Source:
    if not isinstance(cell, Source):
        raise CellError(f"sound is a file or an array, not {type(cell).__name__}")
    return cell


def _mono(cell: np.ndarray) -> np.ndarray:
    """Samples (n,) float32 in [-1, 1]."""
    if cell.ndim not in (1, 2) or not cell.size or (cell.ndim == 2 and cell.shape[1] > cell.shape[0]):
        raise CellError(f"has the shape {cell.shape}; samples are (n,) or (n, channels)")
    if cell.dtype in (np.int16, np.int32):
        cell = cell / np.float32(-np.iinfo(cell.dtype).min)
    if cell.dtype.kind != "f":
        raise CellError(f"holds {cell.dtype}; samples are floats, or whole numbers of 16 or 32 bits")
    with np.errstate(over="ignore"):
        return np.asarray(cell if cell.ndim == 1 else cell.mean(axis=1), dtype=np.float32)


def _filters(rate: int, bands: int, hop: int) -> np.ndarray:
    """Mel filters (window / 2 + 1, bands) for the shortest window, a power of two, in which no band is empty."""
    # Late: it is needed once, and not by the processes that decode.
    from librosa.filters import mel

    size = 1 << (int(2.5 * hop) - 1).bit_length()
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            filters = mel(sr=rate, n_fft=size, n_mels=bands)
        # Ends: the longer the window, the closer its frequencies.
        if filters.any(axis=1).all():
            return np.ascontiguousarray(filters.T, dtype=np.float64)
        size *= 2
