"""A handwritten digit at a random place of a larger, noisy canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic import digits
from mmbench.data.synthetic.numbers import DIGITS
from mmbench.data.synthetic.rendered import Rendered
from mmbench.schema.dataset import Modality

SIDE, PATCH, STEP, NOISE = 12, 4, 4, 0.1
"""Pixels along the canvas and along a token; grid of positions, in pixels; standard deviation of the noise, in ink."""

MODALITY = Modality(kind="image", shape=(1, SIDE, SIDE), options={"patch": PATCH}, evidence=True)


def place(glyphs_N88: NDArray[np.float32], top_N: NDArray[np.int64], left_N: NDArray[np.int64]) -> NDArray[np.float32]:
    """Clean canvases (N, SIDE, SIDE) with each glyph at its place."""
    n = len(glyphs_N88)
    canvas = np.zeros((n, SIDE, SIDE), np.float32)
    steps = np.arange(digits.SIZE)
    rows, columns = top_N[:, None] + steps, left_N[:, None] + steps
    canvas[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]] = glyphs_N88
    return canvas


def render(split: str, numbers: NDArray[np.int64], rng: np.random.Generator) -> Rendered:
    """Canvases (N, 1, SIDE, SIDE), roughly standardised; evidence: the patches with ink in them."""
    n, places = len(numbers), (SIDE - digits.SIZE) // STEP + 1
    top, left = rng.integers(places, size=(2, n)) * STEP
    canvas = place(digits.draw(split, np.array(DIGITS)[numbers], rng), top, left)
    cut = canvas.reshape(n, SIDE // PATCH, PATCH, SIDE // PATCH, PATCH)
    evidence = (cut > 0).any(axis=(2, 4)).reshape(n, -1)
    noisy = canvas + NOISE * rng.standard_normal(canvas.shape, np.float32)
    return Rendered(values=((noisy[:, None] - 0.1) / 0.3).astype(np.float16), evidence=evidence)
