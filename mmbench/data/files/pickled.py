"""numpy arrays out of what a pickle says of them: type, shape and bytes."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import numpy as np

from mmbench.data.files.problems import CellError

MOST_IN_DIMENSION = 1 << 48

_DTYPE = re.compile(r"[<>|=]?(\?|b1|[iu][1248]|f[248]|c(8|16)|[SU][1-9]\d{0,8}|O8?)")
_WORDS = {"b": "i1", "B": "u1", "bool": "b1"}


class Refused(CellError):  # noqa: N818 - what happens to the pickle
    """A pickle that is broken, or says more than data."""


def dtype_of(word: bytes | str) -> np.dtype[Any]:
    word = word.decode("latin1") if isinstance(word, bytes) else word
    word = _WORDS.get(word, word)
    if not _DTYPE.fullmatch(word):
        raise Refused(f"an array of dtype {word[:40]!r}; only numbers, strings and objects are read")
    return np.dtype("O" if word == "O8" else word)


def array(shape: Any, dtype: np.dtype[Any], raw: Any, *, fortran: bool = False) -> np.ndarray:
    """The array over `raw`, which must have just its size: so none takes more memory than its file."""
    shape = (shape,) if type(shape) is int else shape
    if (
        type(shape) is not tuple
        or len(shape) > 32
        or any(type(n) is not int or not 0 <= n < MOST_IN_DIMENSION for n in shape)
    ):
        raise Refused("an array whose shape is none")
    count = math.prod(shape)
    order: Literal["C", "F"] = "F" if fortran else "C"
    if dtype.hasobject:
        if type(raw) is not list or len(raw) != count:
            raise Refused(f"an array of {count:,} objects of which the file does not have as many")
        found = np.empty(count, object)
        for i, value in enumerate(raw):
            found[i] = value
        return found.reshape(shape, order=order)
    if not isinstance(raw, bytes | memoryview) or len(raw) != count * dtype.itemsize:
        has = f"{len(raw):,} bytes" if isinstance(raw, bytes | memoryview) else f"a {type(raw).__name__}"
        raise Refused(
            f"an array of shape {shape} and dtype {dtype} takes {count * dtype.itemsize:,} bytes, the file has {has}"
        )
    if not count:
        return np.empty(shape, dtype)
    return np.frombuffer(raw, dtype).reshape(shape, order=order)
