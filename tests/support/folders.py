"""Folders of small files as people have them, made from a list of paths."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from mmbench.data.draft.draft import Draft, draft
from mmbench.data.draft.folder_files import Role
from mmbench.data.files.endings import ending_of, kind_of


def content(path: str, seed: int = 0) -> bytes:
    """What a file of this name holds, another for every seed: a picture, a sound, a text, numbers, or just bytes."""
    kind, stream, draw = kind_of(path), io.BytesIO(), np.random.default_rng(seed)
    if kind == "image":
        form = Image.registered_extensions().get(ending_of(path), "PNG")
        Image.fromarray(draw.integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(stream, form)
    elif kind == "audio":
        soundfile.write(stream, draw.normal(0, 0.1, 800).astype(np.float32), 8000, format="WAV")
    elif kind == "vector":
        np.save(stream, draw.normal(size=4).astype(np.float32))
    else:
        stream.write(f"the words of number {seed}\n".encode())
    return stream.getvalue()


def fill(folder: Path, paths: Iterable[str]) -> Path:
    """Write a file for each path; returns the folder."""
    for seed, path in enumerate(paths):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(path, seed))
    return folder


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def drafted(folder: Path, **options: Any) -> Draft:
    return draft(folder, root=".", **options)


def rows(folder: Path, folders: tuple[Role, ...] | None = None) -> list[dict[str, str]]:
    """The manifest that is drafted of a folder."""
    made = drafted(folder, folders=folders)
    assert made.manifest is not None
    return table(made.manifest)


def unused(made: Draft) -> dict[str, int]:
    """Reason -> how many are not used for it."""
    return {left.why: left.count for left in made.unused}
