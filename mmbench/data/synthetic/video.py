"""A handwritten digit that moves in one of four directions, in a part of a noisy clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic import digits
from mmbench.data.synthetic.rendered import Rendered
from mmbench.schema.dataset import Modality

DIRECTIONS = ("right", "left", "down", "up")
FRAMES, SEEN, STRIDE, SIDE, NOISE = 8, 7, 1, 16, 0.1
"""Frames of a clip, and those in which the digit is seen; pixels that it moves from frame to frame; pixels along a
frame; standard deviation of the noise, in ink."""

MODALITY = Modality(kind="video", shape=(FRAMES, 1, SIDE, SIDE), options={"frames": 1, "patch": SIDE}, evidence=True)


def render(split: str, numbers: NDArray[np.int64], rng: np.random.Generator) -> Rendered:
    """Clips (N, FRAMES, 1, SIDE, SIDE), roughly standardised, whose motion is DIRECTIONS[number].

    Which digit moves says nothing. It crosses the frame in SEEN frames, from a random moment and at
    a random offset across; before and after there is noise. Evidence: the frames in which it is seen.
    """
    n, room = len(numbers), SIDE - digits.SIZE
    glyphs = digits.draw(split, rng.integers(10, size=n), rng)
    onset, across = rng.integers(FRAMES - SEEN + 1, size=n), rng.integers(room + 1, size=n)
    vertical, backwards = numbers >= 2, numbers % 2 == 1
    samples, box = np.arange(n)[:, None, None], np.arange(digits.SIZE)
    clip = np.zeros((n, FRAMES, SIDE, SIDE), np.float32)
    for step in range(SEEN):
        along = np.where(backwards, room - STRIDE * step, STRIDE * step)
        top, left = np.where(vertical, along, across), np.where(vertical, across, along)
        rows, columns = top[:, None, None] + box[:, None], left[:, None, None] + box
        clip[samples, (onset + step)[:, None, None], rows, columns] = glyphs
    evidence = clip.max(axis=(2, 3)) > 0
    noisy = clip + NOISE * rng.standard_normal(clip.shape, np.float32)
    return Rendered(values=((noisy[:, :, None] - 0.15) / 0.3).astype(np.float16), evidence=evidence)
