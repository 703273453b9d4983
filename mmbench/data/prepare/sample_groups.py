"""Which samples belong together; of the test split in groups.json beside spec.json, for intervals that allow for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmbench import atomic
from mmbench.data.table.table import Table
from mmbench.errors import UserError

FILE = "groups.json"


def groups_of(table: Table, chosen: np.ndarray) -> list[int] | None:
    """The number of each chosen sample's group, in the order of the prepared rows; one without a group is one by
    itself. None where no two belong together. chosen: (N,) bool."""
    if table.group is None:
        return None
    names = [(table.group[i], 0 if table.group[i] else i) for i in np.flatnonzero(chosen).tolist()]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [numbers[name] for name in names] if len(numbers) < len(names) else None


def save(folder: Path, groups: list[int] | None) -> None:
    """Beside the spec.json of a prepared data set; nothing where there are none. Raises UserError."""
    if groups is None:
        return
    try:
        atomic.write(folder / FILE, (json.dumps({"test": groups}) + "\n").encode())
    except OSError as error:
        raise UserError(f"{folder / FILE} cannot be written: {error.strerror or error}") from None


def load(folder: Path, samples: int) -> list[int] | None:
    """Of a prepared data set with so many test samples; None where none are kept. Raises UserError where the file is
    broken."""
    file = folder / FILE
    if not file.exists():
        return None
    try:
        raw: Any = json.loads(file.read_text(encoding="utf-8"))["test"]
        if len(raw) != samples or not all(type(number) is int and number >= 0 for number in raw):
            raise ValueError("it does not have one group for each test sample")
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{file} cannot be read ({error}); run `dvc repro -f prepare@{folder.name}`") from None
    found: list[int] = raw
    return found
