"""Number words spoken by a real speech synthesiser, eSpeak NG, in about a hundred voices."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic.numbers import WORDS

RATE = 22050
"""Samples a second."""

STYLES = ((160, 45), (180, 25), (200, 55), (220, 75), (240, 40))
"""Speaking rate in words a minute, and pitch from 0 to 99."""

UNRELATED = ("m", "f", "klatt", "robosoft")
SILENCE = 0.02
"""What is quieter than this share of a word's loudest sample, at its ends, is cut off."""

SOURCE = "speech synthesised by eSpeak NG (espeakng-loader)"
LICENCE = "eSpeak NG: GPL-3.0-or-later, its output is free"

Wave = NDArray[np.float32]

_RETRIEVAL, _SYNCHRONOUS, _RATE, _PITCH = 2, 0, 1, 3
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@cache
def voices(split: str) -> tuple[str, ...]:
    """The voice variants of a split, about 62/15/23 %. Variants of one voice (steph, steph2, …) stay together.

    m1, f1, klatt and their like are different voices that share a prefix.
    """
    import espeakng_loader

    names = sorted(p.name for p in (Path(espeakng_loader.get_data_path()) / "voices" / "!v").iterdir())
    families: dict[str, list[str]] = {}
    for name in names:
        person = name.rstrip("0123456789")
        families.setdefault(name if person in UNRELATED else person, []).append(name)
    parts: dict[str, list[str]] = {"test": [], "validation": [], "train": []}
    room = {"test": 0.23 * len(names), "validation": 0.15 * len(names), "train": len(names)}
    for family in sorted(families, key=lambda f: hashlib.sha256(f.encode()).digest()):
        part = next(p for p in parts if len(parts[p]) < room[p])
        parts[part] += families[family]
    return tuple(sorted(parts[split]))


class Synthesiser:
    """A running synthesiser; `say` returns one word. Its random state is set before each word."""

    def __init__(self, library: Path, voices: Path) -> None:
        self._espeak = ctypes.CDLL(str(library))
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._collect)
        text, size, number, nothing = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_void_p
        self._espeak.espeak_Synth.argtypes = [text, size, number, ctypes.c_int, number, number, nothing, nothing]
        rate = self._espeak.espeak_Initialize(_RETRIEVAL, 0, str(voices).encode(), 0)
        assert rate == RATE, rate
        self._espeak.espeak_SetSynthCallback(self._callback)
        self._espeak.srand(1)  # the C library's own generator, which some voices draw from

    def _collect(self, wave: ctypes._Pointer[ctypes.c_short], samples: int, events: int) -> int:
        if wave and samples:
            self._chunks.append(np.ctypeslib.as_array(wave, (samples,)).copy())
        return 0

    def say(self, word: str, voice: str, rate: int, pitch: int) -> Wave:
        """The word in [-1, 1], without the silence around it."""
        assert self._espeak.espeak_SetVoiceByName(f"en+{voice}".encode()) == 0, voice
        self._espeak.espeak_SetParameter(_RATE, rate, 0)
        self._espeak.espeak_SetParameter(_PITCH, pitch, 0)
        self._espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self._chunks.clear()
        text = word.encode() + b"\0"
        assert self._espeak.espeak_Synth(text, len(text), 0, 1, 0, 1, None, None) == 0, word
        wave: Wave = np.concatenate(self._chunks).astype(np.float32) / np.float32(32768)
        loud = np.flatnonzero(np.abs(wave) > SILENCE * np.abs(wave).max())
        return wave[loud[0] : loud[-1] + 1]


@contextmanager
def synthesiser() -> Iterator[Synthesiser]:
    """A synthesiser in its first state.

    eSpeak NG carries phases and more from word to word in static variables that no call resets. A copy of the library
    is loaded anew, so what it says depends on the order of the words alone, not on what the process did before.
    """
    import espeakng_loader

    with tempfile.TemporaryDirectory() as folder:
        library = Path(shutil.copy(espeakng_loader.get_library_path(), folder))
        yield Synthesiser(library, Path(espeakng_loader.get_data_path()))


@cache
def lexicon(split: str) -> tuple[tuple[Wave, ...], ...]:
    """For each of numbers.WORDS, its recordings by the voices of a split in all styles, in a fixed order."""
    said: tuple[list[Wave], ...] = tuple([] for _ in WORDS)
    with synthesiser() as speaker:
        for voice in voices(split):
            for rate, pitch in STYLES:
                for number, word in enumerate(WORDS):
                    said[number].append(speaker.say(word, voice, rate, pitch))
    return tuple(tuple(recordings) for recordings in said)
