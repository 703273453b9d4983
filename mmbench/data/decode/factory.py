"""The decoder of a kind, with a pretrained encoder or without. Nothing in `decode` or `encode` imports this."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from mmbench.data.decode.base import Decoder
from mmbench.data.table.table import KINDS
from mmbench.errors import UserError, suggest
from mmbench.registry import Variant, check_options

_DECODERS: Mapping[str, str] = {
    "image": "ImageDecoder",
    "audio": "AudioDecoder",
    "video": "VideoDecoder",
    "text": "TextDecoder",
    "vector": "VectorDecoder",
    "sequence": "SequenceDecoder",
    "table": "TableDecoder",
}
"""Kind -> class in the module of `mmbench.data.decode` that is named like the kind."""

_ENCODERS: Mapping[str, str] = {
    "text": "EncodedText",
    "image": "EncodedImage",
    "audio": "EncodedAudio",
    "video": "EncodedVideo",
}
"""The same in `mmbench.data.encode`, for columns that name a pretrained encoder."""

assert tuple(_DECODERS) == KINDS


def decoder(kind: str, options: Mapping[str, Any], *, where: str = "dataset.yaml") -> Decoder:
    """The decoder of a kind. Raises UserError naming `where` an option is unknown or has a value that cannot be."""
    if kind not in _DECODERS:
        raise UserError(f"unknown kind {kind!r} in {where}{suggest(kind, KINDS)}")
    package, classes = ("encode", _ENCODERS) if "encoder" in options else ("decode", _DECODERS)
    if kind not in classes:
        raise UserError(f"{where}: an encoder reads {', '.join(classes)}; {kind} goes without one")
    # Imported late: decoding libraries are slow to import, and few kinds are needed at a time.
    cls = getattr(importlib.import_module(f"mmbench.data.{package}.{kind}"), classes[kind])
    checked = check_options(Variant(name=kind, source="", core=False, cls=cls), options, where=where)
    try:
        made: Decoder = cls(**checked)
    except UserError as error:
        raise UserError(f"{kind} in {where}: {error}") from None
    return made
