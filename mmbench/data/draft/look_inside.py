"""What only a look into files tells: whether an array is a vector or a sequence, and whether pictures move."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from mmbench.data.files.endings import NUMBERS, ending_of, kind_of
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Root

PAGED = (".gif", ".tif", ".tiff", ".webp", ".png", ".apng")
LOOKED_AT = 20
LEAST, NEARLY, HALF = 10, 0.9, 0.5
"""Tables of numbers below a folder are samples where there are so many of them, where this share of those that are
looked at holds numbers, and where they are this share of the files of the kind that has the most."""
HEAD = 1 << 16
"""Bytes of a table that are looked at."""


def array(path: str, root: Root) -> str | None:
    """ "vector" or "sequence"; None where it holds no numbers. Only its head is read."""
    try:
        with root.source(path).open() as stream:
            if PurePosixPath(path.lower().removesuffix(".gz")).suffix in NUMBERS:
                return _table(stream.read(HEAD))
            found = np.load(stream, allow_pickle=False)
            values = found[found.files[0]] if hasattr(found, "files") else found
            return "sequence" if values.ndim == 2 and min(values.shape) > 1 else "vector"
    except (CellError, OSError, ValueError, EOFError, IndexError, KeyError):
        return "vector" if PurePosixPath(path).suffix.lower() not in NUMBERS else None


def tables_of_numbers(files: Sequence[str], root: Root) -> list[str]:
    """Tables below folders that each are a sample, such as the record of a sensor; none where they may be anything."""
    found = [f for f in files if "/" in f and ending_of(f) in NUMBERS]
    others = Counter(kind for f in files if (kind := kind_of(f)) is not None)
    if len(found) < max(LEAST, HALF * max(others.values(), default=0)):
        return []
    places = np.unique(np.linspace(0, len(found) - 1, LOOKED_AT).astype(int))
    looked = [array(found[i], root) is not None for i in places]
    return found if sum(looked) >= NEARLY * len(looked) else []


def frames(names: Sequence[str], root: Root) -> int:
    """The most frames or pages that one of the first pictures has."""
    from PIL import Image

    most = 1
    for name in [n for n in names if PurePosixPath(n).suffix.lower() in PAGED][:LOOKED_AT]:
        try:
            with warnings.catch_warnings(), root.source(name).open() as stream:
                warnings.simplefilter("ignore")
                with Image.open(stream, formats=("GIF", "TIFF", "WEBP", "PNG")) as image:
                    most = max(most, int(getattr(image, "n_frames", 1)))
        # Pillow lets through whatever broken bytes make of it; `check` tells what is wrong with the file.
        except Exception:
            continue
    return most


def _table(data: bytes) -> str | None:
    """A line of numbers, or several."""
    lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    rows = [_numbers(line) for line in lines[:3]]
    if not rows or not (rows[-1] if len(rows) > 1 else rows[0]):
        return None
    several = len(lines) - (not rows[0]) > 1
    return "sequence" if several and rows[-1] > 1 else "vector"


def _numbers(line: str) -> int:
    """How many numbers a line holds; 0 where it holds anything else."""
    fields = re.split(r"[,;\t]", line.strip())
    try:
        return len([float(field.strip().strip('"')) for field in fields])
    except ValueError:
        return 0
