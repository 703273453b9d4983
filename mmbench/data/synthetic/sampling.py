"""What a modality is made to say, sample by sample, in exact proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


def balanced(rng: np.random.Generator, n: int, classes: int) -> Numbers:
    """n numbers in [0, classes), each as often as any other (up to one), in random order."""
    return rng.permutation(np.arange(n) % classes)


def corrupted(rng: np.random.Generator, labels: Numbers, p: float, classes: int) -> Numbers:
    """The labels, a share p of which (rounded to whole samples) is replaced by one of the wrong classes."""
    said = labels.copy()
    wrong = rng.permutation(len(labels))[: round(p * len(labels))]
    said[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    return said
