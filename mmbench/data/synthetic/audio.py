"""A spoken number word at a random time in noise, as a log-mel spectrogram."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic import speech
from mmbench.data.synthetic.rendered import Rendered
from mmbench.schema.dataset import Modality

FRAMES, RUN, BANDS = 40, 5, 24
"""Frames of a clip, frames of a token, mel bands."""

HOP, WINDOW = 441, 512
SAMPLES = (FRAMES - 1) * HOP + WINDOW
LOUDNESS, SNR = 0.1, (20.0, 35.0)
"""Root mean square of a word, and the range of the signal-to-noise ratio in decibels."""

LONGEST = SAMPLES * 3 // 4
"""Words are cut off after so many samples (0.6 s), so that there is room to place them."""

CHUNK = 256
"""Clips that are transformed at a time; bounds the memory."""

MODALITY = Modality(kind="audio", shape=(FRAMES, BANDS), options={"frames": RUN}, evidence=True)


def log_mel(waves_NS: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, SAMPLES) -> (N, FRAMES, BANDS), decibels, roughly standardised.

    In double precision: in single, the last bits depend on the number of threads and on the processor, and so would the
    hash of the data, by which trials of several machines are put together.
    """
    import librosa

    power = librosa.feature.melspectrogram(
        y=waves_NS.astype(np.float64),
        sr=speech.RATE,
        n_fft=WINDOW,
        hop_length=HOP,
        center=False,
        n_mels=BANDS,
        fmax=8000,
        dtype=np.float64,
    )
    return ((10 * np.log10(power + 1e-6).swapaxes(1, 2) + 20) / 15).astype(np.float32)


def place(
    split: str, numbers: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clean clips (N, SAMPLES), and where the word begins and ends (N, 2), in samples."""
    # What is said takes C code seconds, in which Python can read librosa, which takes as long.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(lambda: importlib.import_module("librosa").feature.melspectrogram)
        words = speech.lexicon(split)
    clips, spans = np.zeros((len(numbers), SAMPLES), np.float32), np.empty((len(numbers), 2), np.int64)
    for row, number in enumerate(numbers):
        recordings = words[number]
        word = recordings[rng.integers(len(recordings))][:LONGEST]
        begin = rng.integers(SAMPLES - len(word) + 1)
        spans[row] = begin, begin + len(word)
        clips[row, begin : begin + len(word)] = word * (LOUDNESS / np.sqrt(np.mean(word**2)))
    return clips, spans


def heard(spans_N2: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The tokens (N, FRAMES / RUN) any of whose analysis windows reaches into the word."""
    first = np.arange(0, FRAMES, RUN) * HOP
    last = first + (RUN - 1) * HOP + WINDOW
    return (first < spans_N2[:, 1:]) & (last > spans_N2[:, :1])


def render(split: str, numbers: NDArray[np.int64], rng: np.random.Generator) -> Rendered:
    """Spectrograms (N, FRAMES, BANDS) of numbers.WORDS[number]; evidence: the tokens in which the word sounds."""
    n = len(numbers)
    clips, spans = place(split, numbers, rng)
    level = LOUDNESS * 10 ** (-rng.uniform(*SNR, size=(n, 1)) / 20)
    values = np.empty((n, FRAMES, BANDS), np.float16)
    for start in range(0, n, CHUNK):
        rows = slice(start, start + CHUNK)
        noise = rng.standard_normal(clips[rows].shape, np.float32) * level[rows].astype(np.float32)
        values[rows] = log_mel(clips[rows] + noise)
    return Rendered(values=values, evidence=heard(spans))
