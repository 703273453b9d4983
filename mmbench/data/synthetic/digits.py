"""Handwritten digits (UCI optical digits, as shipped with scikit-learn), split by writer.

The file has no writer identifiers, but it is in the writers' order: every writer filled in the same form of about
130 digits, so the sequence of labels repeats, and each form begins with 0123456789 three times. Whole forms go to one
split.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SIZE = 8
"""Pixels along each side of a digit."""

ROWS = {
    "train": ((0, 130), (256, 516), (646, 1029), (1415, 1667)),
    "validation": ((516, 646), (1157, 1287)),
    "test": ((130, 256), (1029, 1157), (1287, 1415), (1667, 1797)),
}
"""Half-open ranges of rows of the file; each boundary is the beginning of a writer's form."""

SOURCE = "UCI Optical Recognition of Handwritten Digits (Alpaydin and Kaynak 1998), as shipped with scikit-learn"
LICENCE = "handwriting: CC BY 4.0"


@cache
def _file() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, SIZE, SIZE) / 16).astype(np.float32), labels.astype(np.int64)


@cache
def images(split: str, digit: int) -> NDArray[np.float32]:
    """Every image of a digit by the writers of a split: (N, 8, 8), ink in [0, 1]."""
    pixels, labels = _file()
    rows = np.concatenate([np.arange(*block) for block in ROWS[split]])
    return pixels[rows[labels[rows] == digit]]


def draw(split: str, digits: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
    """A random image of each digit: (N, 8, 8)."""
    picked = np.empty((len(digits), SIZE, SIZE), np.float32)
    for digit in np.unique(digits):
        rows = np.flatnonzero(digits == digit)
        pool = images(split, int(digit))
        picked[rows] = pool[rng.integers(len(pool), size=len(rows))]
    return picked
