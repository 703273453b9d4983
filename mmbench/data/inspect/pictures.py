"""Examples as pictures, drawn from what a decoder makes of a cell: what models will see."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.inspect.check import Checked, Seen
from mmbench.data.table.record import fields_of
from mmbench.data.table.table import Cell

EXAMPLES = 12
TEXT = 280
"""Characters of a text."""
FRAMES = 4
RAMP = np.array(
    [[16, 37, 79], [26, 64, 117], [36, 92, 145], [50, 121, 163], [71, 150, 181], [116, 174, 186], [195, 223, 214]]
)
"""From quiet to loud: the report's sequence of colours, dark first."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One modality of one example. picture: a data: URI; text: instead of one. absent: why it has neither: the field
    is empty ("missing"), or its file is not there or cannot be read ("unreadable")."""

    modality: str
    kind: str
    picture: str = ""
    text: str = ""
    absent: Literal["", "missing", "unreadable"] = ""


@dataclass(frozen=True, kw_only=True)
class Example:
    place: str
    label: str
    split: str
    shown: tuple[Shown, ...]


def examples(checked: Checked) -> list[Example]:
    """Some samples of every class (or evenly spaced ones), each with all its modalities."""
    found = []
    for i in _chosen(checked):
        shown = tuple(_show_cell(name, seen, i) for name, seen in checked.seen.items())
        split = "" if checked.split is None else str(checked.split[i])
        found.append(Example(place=checked.survey.places[i], label=_label(checked, i), split=split, shown=shown))
    return found


def _chosen(checked: Checked) -> list[int]:
    count, labels = len(checked.survey.places), checked.survey.labels
    if labels is None or labels.ndim != 1:
        return sorted(set(np.linspace(0, count - 1, min(EXAMPLES, count)).round().astype(int).tolist()))
    classes = np.unique(labels)[:EXAMPLES]
    each = max(1, EXAMPLES // max(1, len(classes)))
    found: list[int] = []
    for c in classes:
        here = np.flatnonzero(labels == c)
        found += here[np.unique(np.linspace(0, len(here) - 1, min(each, len(here))).round().astype(int))].tolist()
    return found


def _label(checked: Checked, i: int) -> str:
    task, labels = checked.survey.task, checked.survey.labels
    if task is None or labels is None:
        return ""
    if task.kind == "regression":
        return ", ".join(f"{t} {labels[i, j]:.4g}" for j, t in enumerate(task.targets))
    if task.kind == "multilabel":
        return ", ".join(t for j, t in enumerate(task.targets) if labels[i, j]) or "no label"
    return task.targets[int(labels[i])]


def _show_cell(name: str, seen: Seen, i: int) -> Shown:
    kind, cell = seen.column.kind, seen.column.cells[i]
    if cell is None and i not in seen.broken:
        return Shown(modality=name, kind=kind, absent="missing")
    if cell is None or seen.looks[i] is None or seen.decoder is None:
        return Shown(modality=name, kind=kind, absent="unreadable")
    if kind == "text":
        return Shown(modality=name, kind=kind, text=_text(cell))
    if kind == "table":
        said = " · ".join(f"{column} {value or '–'}" for column, value in fields_of(cell).items())
        return Shown(modality=name, kind=kind, text=_text(said))
    try:
        values, mask = seen.decoder.decode(cell)
    except CellError:
        return Shown(modality=name, kind=kind, absent="unreadable")
    if mask is not None and not mask.any():
        return Shown(modality=name, kind=kind, absent="missing")
    real = values if mask is None or len(mask) != len(values) else values[mask]
    return Shown(modality=name, kind=kind, picture=_uri(_draw(kind, real)))


def _text(cell: Cell) -> str:
    try:
        text = cell.read().decode("utf-8", "replace") if isinstance(cell, Source) else str(cell)
    except CellError:
        return ""
    return text if len(text) <= TEXT else f"{text[: TEXT - 1]}…"


def _draw(kind: str, values: np.ndarray) -> Image.Image:
    if kind == "image":
        return _pixels(values)
    if kind == "video":
        taken = np.unique(np.linspace(0, len(values) - 1, min(FRAMES, len(values))).round().astype(int))
        return _pixels(np.concatenate([values[t] for t in taken], axis=2))
    # Time runs to the right, frequency and features upwards.
    plane = np.atleast_2d(values.astype(np.float32).T)
    return _heat(plane[::-1] if kind == "audio" else plane)


def _pixels(values: np.ndarray) -> Image.Image:
    """(channels, height, width) uint8."""
    turned = np.ascontiguousarray(values.transpose(1, 2, 0))
    return Image.fromarray(turned[..., 0] if turned.shape[2] == 1 else turned)


def _heat(plane: np.ndarray) -> Image.Image:
    """Any numbers (rows, columns), from their least to their most."""
    low, high = float(plane.min()), float(plane.max())
    share = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
    steps = np.arange(len(RAMP)) / (len(RAMP) - 1)
    colours = np.stack([np.interp(share, steps, RAMP[:, c]) for c in range(3)], axis=-1)
    image = Image.fromarray(colours.round().astype(np.uint8))
    return image.resize((min(320, max(image.width, 96)), min(96, max(image.height, 24))), Image.Resampling.NEAREST)


def _uri(image: Image.Image) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
