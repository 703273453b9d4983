"""From arrays, tensors and lists to the column of one modality: which kind it is, and one cell for each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.table.record import record
from mmbench.data.table.table import KINDS, Cell
from mmbench.errors import UserError, suggest

WAVE = 2000
"""Numbers of a vector from which on it may well be sound."""
SIDE = 8
"""Pixels of a side, at least, where numbers that are no bytes are taken for an image."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What one modality was taken for.

    Attributes:
        kind: of `mmbench.data.table.table.KINDS`.
        cells: one for each sample, None where it lacks the modality.
        options: of the decoder.
        shown: shape and type, for people.
        why: what the kind was told by.
        given: whether the caller named the kind.
        else_: what it could be in place of that, "" where nothing comes near.
    """

    kind: str
    cells: list[Cell | None]
    options: Mapping[str, Any] = field(default_factory=dict)
    shown: str
    why: str
    given: bool = False
    else_: str = ""


def guess(name: str, value: Any, kind: Any = None) -> Guess:
    """The column of a modality. kind: as the caller names it: `"image"`, or `{"audio": {"rate": 16000}}`.

    Raises UserError where it cannot be one.
    """
    wanted, options = named_kind(name, kind)
    if (frame := _frame(value)) is not None and (wanted == "table" or (wanted is None and not _all_numbers(frame))):
        return _of_frame(name, frame, options, given=wanted is not None)
    array = as_array(value)
    if array is None or array.dtype == object:
        return _of_list(name, list(value if array is None else array), wanted, options)
    if array.dtype.kind in "US":
        return _texts(name, array.tolist(), wanted, options)
    if array.dtype.kind not in "uifb":
        raise UserError(f"modality {name!r} holds {array.dtype}; numbers, or a list of texts, are needed")
    if array.ndim == 0:
        raise UserError(f"modality {name!r} is one number; give one row for each sample")
    found, why, other = _kind_of(array) if wanted is None else (wanted, "named", "")
    return Guess(
        kind=found,
        cells=_cells(name, found, array),
        options=options,
        shown=f"{array.shape} {array.dtype}",
        why=why,
        given=wanted is not None,
        else_=other,
    )


def named_kind(name: str, kind: Any) -> tuple[str | None, Mapping[str, Any]]:
    """The kind that a caller names, with its options. Raises UserError for one that there is not."""
    options: Mapping[str, Any] = {}
    if isinstance(kind, Mapping) and len(kind) == 1:
        ((kind, options),) = kind.items()
    if kind is not None and (kind not in KINDS or not isinstance(options, Mapping)):
        raise UserError(f"kinds[{name!r}] is {kind!r}{suggest(str(kind), KINDS)}")
    return kind, options or {}


def as_array(value: Any) -> np.ndarray | None:
    """Arrays, tensors and what gives itself as an array; None for lists."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):
        return np.asarray(
            value.detach().cpu().float() if str(value.dtype) == "torch.bfloat16" else value.detach().cpu()
        )
    if hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    return None


def _frame(value: Any) -> Any:
    """The value where it is a table with named columns (of pandas), else None."""
    return value if hasattr(value, "columns") and hasattr(value, "to_dict") else None


def _all_numbers(frame: Any) -> bool:
    return all(dtype.kind in "uifb" for dtype in frame.dtypes)


def _of_frame(name: str, frame: Any, options: Mapping[str, Any], *, given: bool) -> Guess:
    """Rows of numbers and categories. Raises UserError for other values."""
    try:
        cells = [record({str(column): value for column, value in row.items()}) for row in frame.to_dict("records")]
    except CellError as error:
        raise UserError(f"modality {name!r}, {error}") from None
    if not any(cells):
        raise UserError(f"modality {name!r} has no value; leave it out")
    return Guess(
        kind="table",
        cells=list(cells),
        options=options,
        shown=f"{len(cells)} rows of {len(frame.columns)} columns",
        why="a frame with columns that are no numbers",
        given=given,
    )


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _of_list(name: str, values: list[Any], kind: str | None, options: Mapping[str, Any]) -> Guess:
    present = [v for v in values if not _is_missing(v)]
    if not present:
        raise UserError(f"modality {name!r} has no sample; leave it out")
    if all(isinstance(v, str) for v in present):
        return _texts(name, values, kind, options)
    arrays = [None if _is_missing(v) else _number_array(v) for v in values]
    wrong = next(
        (i for i, (a, v) in enumerate(zip(arrays, values, strict=True)) if a is None and not _is_missing(v)), None
    )
    if wrong is not None:
        raise UserError(
            f"modality {name!r}, sample {wrong}: is a {type(values[wrong]).__name__}; a modality is an array of "
            "numbers, or a list with an array or a text for each sample (None where it is missing)"
        )
    found = [a for a in arrays if a is not None]
    ranks = {a.ndim for a in found}
    if len(ranks) > 1:
        found_ranks = " and ".join(map(str, sorted(ranks)))
        raise UserError(f"modality {name!r}: samples have {found_ranks} dimensions; make them alike")
    same = len({a.shape for a in found}) == 1
    guessed, why, other = (kind, "named", "") if kind else _kind_of(np.stack(found) if same else found[0][None])
    assert guessed is not None
    if not kind and not same and found[0].ndim == 1:
        guessed, why, other = "sequence", "lists of different lengths", "audio"
    cells: list[Cell | None] = [None if a is None else _cells(name, guessed, a[None])[0] for a in arrays]
    shown = f"{len(values)} arrays of {found[0].dtype}, " + (f"{found[0].shape} each" if same else "of several shapes")
    return Guess(kind=guessed, cells=cells, options=options, shown=shown, why=why, given=bool(kind), else_=other)


def _number_array(value: Any) -> np.ndarray | None:
    try:
        array = as_array(value)
        array = np.asarray(value) if array is None else array
    except ValueError:
        return None
    return np.atleast_1d(array) if array.dtype.kind in "uifb" else None


def _texts(name: str, values: list[Any], kind: str | None, options: Mapping[str, Any]) -> Guess:
    if kind not in (None, "text"):
        raise UserError(f"modality {name!r} holds texts, which cannot be of the kind {kind!r}; leave it out of `kinds`")
    cells: list[Cell | None] = [None if _is_missing(v) or not str(v).strip() else str(v) for v in values]
    if not any(cells):
        raise UserError(f"modality {name!r} has no text; leave it out")
    return Guess(
        kind="text", cells=cells, options=options, shown=f"{len(values)} texts", why="texts", given=kind is not None
    )


def _kind_of(array: np.ndarray) -> tuple[str, str, str]:
    """Kind, why, and what else it could be."""
    rank = array.ndim
    if rank == 4 and _channels(array) is not None:
        return "image", f"three axes for each sample, one of them of {_channels(array)} channels", ""
    if rank == 3 and _looks_like_image(array):
        return "image", "grey values: bytes, or numbers in [0, 1] or [0, 255], in a square", "sequence"
    if rank == 3:
        return "sequence", "two axes for each sample: steps and features", "image"
    if rank == 2:
        return "vector", "one row for each sample", "audio" if array.shape[1] >= WAVE else ""
    if rank == 1:
        return "vector", "one number for each sample", ""
    raise UserError(
        f"an array of the shape {array.shape} is of no kind: (N, F) is a vector, (N, T, F) a sequence, (N, H, W), "
        "(N, H, W, C) and (N, C, H, W) images"
    )


def _channels(array: np.ndarray) -> int | None:
    return next((array.shape[axis] for axis in (3, 1) if array.shape[axis] in (1, 3, 4)), None)


def _looks_like_image(array: np.ndarray) -> bool:
    if array.dtype in (np.uint8, np.bool_):
        return True
    low, high = (float(f(array)) for f in (np.nanmin, np.nanmax)) if array.size else (0.0, 0.0)
    square = array.shape[1] == array.shape[2] >= SIDE
    return square and low >= 0 and (high <= 1 or (high <= 255 and bool((array == np.floor(array)).all())))


def _cells(name: str, kind: str, array: np.ndarray) -> list[Cell | None]:
    """A row of NaN alone is a sample that lacks the modality."""
    if kind == "video":
        raise UserError(f"modality {name!r}: films are read from files; give a sequence of features")
    if kind == "text":
        raise UserError(f"modality {name!r} holds numbers; the kind `text` takes texts")
    if kind == "image" and array.ndim == 4 and array.shape[3] not in (1, 3, 4):
        array = np.moveaxis(array, 1, 3)
    if kind == "vector" and array.ndim == 1:
        array = array[:, None]
    # As it is stored in the end, so that equal numbers of two types are one data set.
    if kind in ("vector", "sequence") and array.dtype != np.float32:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32)
    if array.dtype == np.float16 or (kind == "image" and array.dtype.kind == "i"):
        array = array.astype(np.float64)
    lacking = np.zeros(len(array), bool)
    if array.dtype.kind == "f":
        lacking = np.isnan(array).reshape(len(array), -1).all(axis=1)
    return [None if missing else row for row, missing in zip(array, lacking, strict=True)]


def lengths(columns: Mapping[str, Sequence[Any]], labels: int) -> None:
    """Raises UserError unless every modality has one entry for each label."""
    wrong = [f"{name} has {len(cells)}" for name, cells in columns.items() if len(cells) != labels]
    if wrong:
        raise UserError(f"there are {labels} labels, but {', '.join(wrong)}; give one row for each sample")
