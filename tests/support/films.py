"""Small films and sounds, written with FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from mmbench.data.files.source import BytesSource


def film(
    name: str,
    frames: Sequence[np.ndarray],
    *,
    codec: str,
    format: str,
    sound: np.ndarray | None = None,
    rate: int = 16_000,
    sound_codec: str = "mp2",
    times: Sequence[float] | None = None,
) -> BytesSource:
    """frames: (height, width, 3) uint8, or none for sound alone. sound: (channels, n) float32. times: seconds at which
    frames are shown, where those are not even."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=format) as container:
        video = audio = None
        if len(frames):
            video = container.add_stream(codec, rate=25)
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
            if times is not None:
                video.codec_context.time_base = Fraction(1, 1000)
            if codec != "gif":
                video.bit_rate = 2_000_000
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=rate, layout="stereo" if len(sound) == 2 else "mono")
        for i, values in enumerate(frames):
            assert video is not None
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(1000 * times[i]), Fraction(1, 1000)
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode(None))
        if audio is not None:
            assert sound is not None
            step = 1024
            for start in range(0, sound.shape[1], step):
                piece = np.ascontiguousarray(sound[:, start : start + step], dtype=np.float32)
                made = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo" if len(sound) == 2 else "mono")
                made.sample_rate, made.pts = rate, start
                for converted in av.AudioResampler(
                    audio.codec_context.format, audio.codec_context.layout, rate
                ).resample(made):
                    container.mux(audio.encode(converted))
            container.mux(audio.encode(None))
    return BytesSource(name, stream.getvalue())


def shades(count: int, height: int = 32, width: int = 48) -> list[np.ndarray]:
    """Frames that are brighter one by one, from black to white."""
    return [np.full((height, width, 3), round(255 * i / max(1, count - 1)), np.uint8) for i in range(count)]


def tone(frequency: float, seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """(channels, n) float32."""
    wave = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[None], channels, axis=0).astype(np.float32)
