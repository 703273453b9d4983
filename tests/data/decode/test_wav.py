"""Sound that was written into a pipe, by a program that could not know how long it would be."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root

WAVE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)


def wav(claimed: int | None, riff: int | None = None, *, subtype: str = "PCM_16", extra: bytes = b"") -> bytes:
    """Half a second. claimed, riff: the lengths that the head gives of the samples and of the file; None: the true
    ones. extra: before the samples."""
    stream = io.BytesIO()
    soundfile.write(stream, WAVE, 8000, format="WAV", subtype=subtype)
    data = bytearray(stream.getvalue())
    at = data.index(b"data")
    data[at:at] = extra
    at += len(extra)
    if claimed is not None:
        data[at + 4 : at + 8] = claimed.to_bytes(4, "little")
    data[4:8] = (len(data) - 8 if riff is None else riff).to_bytes(4, "little")
    return bytes(data)


LENGTHS = [
    (0xFFFFFFFF, 0xFFFFFFFF),
    (0xFFFFFFFF - 36, 0xFFFFFFFF),
    (0xFFFF0024, 0xFFFF0048),
    (0x7FFFF000, 0x7FFFF024),
    (0x7FFFFFFF, 0x7FFFFFFF),
    (0x7FFFFFFF - 36, 0x7FFFFFFF),
    (0x80000000, 0x80000024),
    (0x7FFF0000, 0),
    (0, 0),
    (0, 36),
    (0, 0xFFFFFFFF),
    (0, None),
]


@pytest.mark.parametrize(("claimed", "riff"), LENGTHS)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_lengths_that_stand_for_the_end(claimed: int, riff: int | None, subtype: str, tmp_path: Path) -> None:
    data = wav(claimed, riff, subtype=subtype, extra=b"LIST\x04\0\0\0INFO")
    (tmp_path / "x.wav").write_bytes(data)
    made = decoder("audio", {})
    made.fit([BytesSource("x.wav", wav(None, subtype=subtype))])
    wanted = made.decode(BytesSource("x.wav", wav(None, subtype=subtype)))
    for cell in (BytesSource("x.wav", data), Root(tmp_path).source("x.wav")):
        assert made.measure(cell).seconds == 0.5
        found = made.decode(cell)
        assert np.array_equal(found[0], wanted[0]) and np.array_equal(found[1], wanted[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(("claimed", "riff"), [(16_000, None), (16_000, 16_036), (8_002, 8_038), (2**31 - 1, None)])
def test_files_that_were_cut_are_refused(claimed: int, riff: int | None) -> None:
    with pytest.raises(CellError, match=f"claims {claimed:,} bytes of sound, but has 8,000; copy it again"):
        decoder("audio", {}).fit([BytesSource("x.wav", wav(claimed, riff))])


def test_a_recording_without_sound_is_refused() -> None:
    """Chunks that follow are no samples; nor is nothing."""
    stream = io.BytesIO()
    soundfile.write(stream, WAVE[:0], 8000, format="WAV", subtype="PCM_16")
    for after in (b"", b"LIST\x04\0\0\0INFO", b"LIST\x05\0\0\0INFOx\0cue \0\0\0\0"):
        with pytest.raises(CellError, match="has no sample in it"):
            decoder("audio", {}).fit([BytesSource("x.wav", stream.getvalue() + after)])
    with pytest.raises(CellError, match="has no sample in it"):
        decoder("audio", {}).fit([BytesSource("x.wav", wav(0xFFFFFFFF)[: -2 * len(WAVE)])])
