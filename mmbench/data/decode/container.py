"""Films, opened with FFmpeg (PyAV) so that they can name no other file: frames, and the sound track."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.logging
import numpy as np
from av.container import InputContainer

from mmbench.data.decode import stills
from mmbench.data.decode.pixels import LARGEST
from mmbench.data.files.problems import CellError, reason
from mmbench.data.files.source import SeveralSources, Source

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".flv", ".wmv"),
    *(".asf", ".3gp", ".ogv", ".gif", ".mxf", ".vob", ".dv"),
)
"""Files that hold a film. Of another file, the content says what it is."""

FORMATS = (
    "mov,matroska,webm,avi,mpeg,mpegvideo,mpegts,flv,asf,ogg,gif,mxf,dv,h264,hevc,m4v,ivf,"
    "wav,mp3,flac,aac,aiff,amr,caf,wv"
)
"""What FFmpeg may take a file for: playlists, and whatever else names files or addresses, are not among them."""


@contextmanager
def opened(cell: Source) -> Iterator[InputContainer]:
    """The file. Whatever goes wrong within becomes a CellError."""
    with cell.open() as stream:
        try:
            options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
            with av.open(stream, "r", options=options, metadata_errors="replace") as container:
                yield container
        except CellError:
            raise
        except (av.FFmpegError, ValueError, IndexError, OSError, EOFError, MemoryError) as error:
            said = getattr(error, "strerror", None) or reason(error)
            raise CellError(f"is broken, or no film or sound that can be read ({said}); make it again") from None


def frames(cell: Source) -> Iterator[av.VideoFrame]:
    """All frames, decoded one by one; what a container says of their number is not asked. Raises CellError."""
    if isinstance(cell, SeveralSources):
        for part in cell.parts:
            yield from frames(part)
        return
    if cell.suffix in stills.SUFFIXES:
        yield from stills.frames(cell)
        return
    with opened(cell) as container:
        if not container.streams.video:
            raise CellError("has no pictures, only sound")
        stream = container.streams.video[0]
        _one_thread(stream)
        for frame in container.decode(stream):
            if frame.width * frame.height > LARGEST:
                raise CellError(f"has frames of {frame.width} x {frame.height} pixels, more than {LARGEST:,}")
            yield frame


def sound(cell: Source, seconds: float) -> tuple[np.ndarray, int]:
    """Samples (n,) float32 of the first `seconds` of the first sound track, its channels averaged, and its rate.

    Raises CellError where it has none.
    """
    with opened(cell) as container:
        if not container.streams.audio:
            raise CellError("has no sound track; leave the cell empty where a sample lacks it")
        stream = container.streams.audio[0]
        _one_thread(stream)
        rate, pieces, count = int(stream.rate), [], 0
        resampler: Any = av.AudioResampler(format="fltp", rate=rate)
        for frame in container.decode(stream):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray().mean(axis=0))
                count += pieces[-1].size
            if count >= seconds * rate:
                break
    if not count:
        raise CellError("has a sound track without a sample in it")
    return np.concatenate(pieces)[: int(np.ceil(seconds * rate))], rate


def _one_thread(stream: av.VideoStream | av.AudioStream) -> None:
    """Samples are decoded side by side: threads within one would only wait for each other."""
    context: av.CodecContext | None = stream.codec_context
    if context is None:
        raise CellError("is broken: it does not say how its pictures or sound are coded; copy or make it again")
    context.thread_count = 1
