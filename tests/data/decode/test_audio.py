"""Sound of every format, rate and length, and broken sound."""

from __future__ import annotations

import io
import pickle
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.decode.audio import FLOOR, AudioDecoder
from mmbench.data.decode.factory import decoder
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root, Source
from mmbench.data.table.table import Cell
from mmbench.errors import UserError
from tests.support.films import film, shades, tone


def saved(wave: np.ndarray, rate: int, format: str = "WAV", subtype: str | None = None, name: str = "") -> BytesSource:
    """wave: (channels, n)."""
    stream = io.BytesIO()
    soundfile.write(stream, wave.T, rate, format=format, subtype=subtype)
    return BytesSource(name or f"x.{format.lower()}", stream.getvalue())


def fitted(cells: list[Cell], **options: Any) -> AudioDecoder:
    made = decoder("audio", options)
    assert isinstance(made, AudioDecoder)
    made.layout = made.fit(cells)  # type: ignore[attr-defined]
    return made


def loudest(made: AudioDecoder, cell: Cell) -> float:
    """The frequency of the loudest band, in hertz."""
    values, mask = made.decode(cell)
    assert values.dtype == np.float16 and np.isfinite(values).all()
    assert made.rate is not None
    bands = librosa.mel_frequencies(made.mels + 2, fmin=0, fmax=made.rate / 2)[1:-1]
    return float(bands[values[mask].astype(float).mean(axis=0).argmax()])


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("FLAC", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", None),
        ("AIFF", None),
        ("CAF", None),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_formats(format: str, subtype: str | None, channels: int) -> None:
    cell = saved(tone(1000, 0.5, 16_000, channels), 16_000, format, subtype)
    assert abs(loudest(fitted([cell]), cell) - 1000) < 100


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_rates(rate: int) -> None:
    cell = saved(tone(1000, 0.5, rate), rate)
    made = fitted([cell])
    assert made.rate == min(16_000, rate)
    assert abs(loudest(made, cell) - 1000) < 120
    _, mask = made.decode(cell)
    assert 0.45 <= mask.sum() * 0.01 <= 0.55


def test_a_clip_at_another_rate_than_training_clips_is_resampled() -> None:
    made = fitted([saved(tone(1000, 0.5, 8000), 8000)])
    assert abs(loudest(made, saved(tone(1000, 0.5, 44_100), 44_100)) - 1000) < 120


def test_channels_are_averaged() -> None:
    wave = tone(1000, 0.5, 8000, 2)
    wave[1] *= -1
    cell = saved(wave, 8000, subtype="FLOAT")
    values, mask = fitted([cell]).decode(cell)
    assert np.allclose(values[mask], 10 * np.log10(FLOOR), atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "mels", "hop"), [(16_000, 40, 0.01), (8000, 20, 0.02), (22_050, 64, 0.005)])
def test_the_power_is_librosas(rate: int, mels: int, hop: float) -> None:
    wave = np.random.default_rng(0).standard_normal(rate).astype(np.float32) * 0.1
    made = fitted([wave], rate=rate, mels=mels, hop=hop)
    size = 2 * (made.filters.shape[0] - 1)
    power = librosa.feature.melspectrogram(
        y=wave, sr=rate, n_fft=size, hop_length=made.hop, n_mels=mels, center=False
    ).T
    assert np.allclose(made.log_mel(wave), 10 * np.log10(power + FLOOR), atol=1e-3)


def test_short_clips_have_their_frames_and_a_mask() -> None:
    """The clips of FSDD last 0.14 to 2.3 s."""
    cells: list[Cell] = [saved(tone(500, s, 8000), 8000) for s in (0.14, 0.4, 0.5, 2.3)]
    made = fitted(cells)
    layout = made.layout  # type: ignore[attr-defined]
    assert layout.steps % layout.options["frames"] == 0
    assert layout.steps // layout.options["frames"] >= 8
    counts = [int(made.decode(cell)[1].sum()) for cell in cells]
    assert counts == sorted(counts) and 11 <= counts[0] <= 15
    values, mask = made.decode(cells[0])
    assert not mask[counts[0] :].any() and not values[counts[0] :].any()


@pytest.mark.parametrize("samples", [1, 2, 80, 255, 256, 257])
def test_the_shortest_clips(samples: int) -> None:
    cell = saved(np.full((1, samples), 0.5, np.float32), 8000)
    values, mask = fitted([cell]).decode(cell)
    assert mask.any() and np.isfinite(values).all()


def test_no_band_is_empty() -> None:
    made = fitted([saved(tone(500, 0.5, 8000), 8000)], mels=128)
    assert made.filters.any(axis=0).all()


def test_long_clips_are_cut_and_lengths_bounded() -> None:
    long = saved(tone(500, 30, 8000), 8000)
    made = fitted([long])
    assert made.steps * 0.01 <= 10.5
    assert made.decode(long)[1].all()
    assert fitted([long], seconds=0.5).steps == pytest.approx(50, abs=3)


def test_options() -> None:
    cell = saved(tone(500, 1, 8000), 8000)
    layout = fitted([cell], rate=4000, mels=16, hop=0.02, seconds=1.0, frames=5).layout  # type: ignore[attr-defined]
    assert layout.shape == (layout.steps, 16) and layout.options == {"frames": 5} and layout.steps % 5 == 0
    assert layout.steps == pytest.approx(50, abs=5)
    with pytest.raises(UserError, match="did you mean 'mels'"):
        decoder("audio", {"mel": 3})
    assert fitted([cell], rate=1000, mels=256, hop=0.001).filters.any(axis=0).all()


def test_arrays_of_samples() -> None:
    wave = tone(1000, 0.5, 8000)[0]
    made = fitted([wave], rate=8000)
    assert abs(loudest(made, wave) - 1000) < 120
    assert np.allclose(made.decode((wave * 32767).astype(np.int16))[0], made.decode(wave)[0], atol=0.5)
    assert np.array_equal(made.decode(np.stack([wave, wave], axis=1))[0], made.decode(wave)[0])
    with pytest.raises(CellError, match="option `rate`"):
        fitted([wave])
    for bad in (np.zeros((2, 3, 4)), np.zeros(0), np.zeros(9, np.int8), np.array(["a"] * 9)):
        with pytest.raises(CellError):
            made.decode(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_sound(bad: float) -> None:
    wave = tone(1000, 0.5, 8000)
    wave[0, 1000] = bad
    good = saved(tone(1000, 0.5, 8000), 8000)
    with pytest.raises(CellError, match=r"NaN or infinite|should lie in"):
        fitted([good]).decode(saved(wave, 8000, subtype="FLOAT"))


@pytest.mark.parametrize(
    ("name", "format", "codec", "sound_codec"),
    [
        ("x.mpg", "mpeg", "mpeg1video", "mp2"),
        ("x.mp4", "mp4", "mpeg4", "aac"),
        ("x.avi", "avi", "mpeg4", "mp3"),
        ("x.mkv", "matroska", "mpeg4", "flac"),
        ("x.m4a", "mp4", "", "aac"),
    ],
)
def test_sound_tracks_of_films(name: str, format: str, codec: str, sound_codec: str) -> None:
    rate = 44_100
    cell = film(
        name,
        shades(13) if codec else [],
        codec=codec,
        format=format,
        sound=tone(1000, 0.5, rate, 2),
        rate=rate,
        sound_codec=sound_codec,
    )
    made = fitted([cell])
    assert made.rate == 16_000
    assert abs(loudest(made, cell) - 1000) < 120


def test_a_film_without_sound() -> None:
    with pytest.raises(CellError, match="no sound track"):
        fitted([film("x.mp4", shades(5), codec="mpeg4", format="mp4")])


@pytest.mark.parametrize("data", [b"no sound", b"\x89PNG\r\n\x1a\n" + bytes(99), b"#EXTM3U\nfile:///etc/passwd\n"])
@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.mp4", "x.raw", "x"])
def test_what_is_no_sound(name: str, data: bytes) -> None:
    with pytest.raises(CellError, match="no film or sound"):
        fitted([BytesSource(name, data)])


def test_a_playlist_names_no_other_file(tmp_path: Any) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.wav").write_bytes(saved(tone(500, 0.5, 8000), 8000).data)
    (tmp_path / "data/x.wav").write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'secret.wav'}'\n")
    (tmp_path / "data/y.wav").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path / 'secret.wav'}\n#EXT-X-ENDLIST\n")
    for name in ("x.wav", "y.wav"):
        with pytest.raises(CellError):
            fitted([Root(tmp_path / "data").source(name)])


def test_a_file_and_its_bytes_are_the_same_sound_also_after_pickling(tmp_path: Any) -> None:
    cell = saved(tone(700, 0.5, 16_000), 16_000, "FLAC")
    (tmp_path / "x.flac").write_bytes(cell.data)
    file: Source = Root(tmp_path).source("x.flac")
    made = fitted([cell])
    back = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert np.array_equal(made.decode(cell)[0], back.decode(file)[0])


def test_headers_that_lie_are_bounded() -> None:
    data = bytearray(saved(tone(500, 0.2, 8000), 8000).data)
    data[40:44] = (2**31 - 1).to_bytes(4, "little")
    with pytest.raises(CellError, match=r"claims 2,147,483,647 bytes of sound, but has 3,200"):
        fitted([BytesSource("x.wav", bytes(data))])
    made = fitted([saved(tone(500, 0.2, 8000), 8000)])
    data[24:28] = (5).to_bytes(4, "little")
    with pytest.raises(CellError, match="samples a second"):
        made.decode(BytesSource("x.wav", bytes(data)))


def _files() -> list[BytesSource]:
    wave = tone(440, 0.4, 16_000) + 0.01 * np.random.default_rng(0).standard_normal((1, 6400)).astype(np.float32)
    made = [saved(wave, 16_000, f) for f in ("WAV", "FLAC", "OGG", "MP3")]
    return [*made, film("x.m4a", [], codec="", format="mp4", sound=wave, sound_codec="aac")]


FILES = _files()
DECODER = fitted(list(FILES))


@settings(max_examples=200, deadline=None)
@given(which=st.integers(0, len(FILES) - 1), cut=st.floats(0, 1), at=st.floats(0, 1), spoilt=st.binary(max_size=8))
def test_broken_files_give_cell_errors_only(which: int, cut: float, at: float, spoilt: bytes) -> None:
    data = bytearray(FILES[which].data)
    place = int(at * len(data))
    data[place : place + len(spoilt)] = spoilt
    del data[int(cut * len(data)) :]
    try:
        values, mask = DECODER.decode(BytesSource(FILES[which].name, bytes(data)))
        assert np.isfinite(values).all() and mask.any()
    except CellError as error:
        assert str(error)
