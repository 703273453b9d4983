"""Padded features -> the real steps of each sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The features of one modality in one split.

    values: (N, T, F). padded: where zeros may stand in for steps. lengths: (N,) real steps, where the file says so;
    exact: of the first steps, whatever the others hold. start_of: (N, T, F) of the modality whose first step that is
    not zero begins the sample in all of them, as words do in features that are aligned by word.
    """

    values: np.ndarray
    padded: Literal["before", "around"]
    lengths: np.ndarray | None = None
    exact: bool = False
    start_of: np.ndarray | None = None

    def cell(self, index: int) -> np.ndarray | None:
        """(t, F) float32 of one sample, finite; None where it has zeros only."""
        values = finite(self.values[index])
        real = np.flatnonzero(values.any(axis=1))
        if not len(real):
            return None
        start, stop = self._between(index, int(real[0]), int(real[-1]) + 1)
        return values[start:stop] if values[start:stop].any() else values[real[0] : stop]

    def _between(self, index: int, first: int, stop: int) -> tuple[int, int]:
        """first, stop: around all steps that are not zero."""
        steps = self.values.shape[1]
        if self.lengths is not None:
            length = max(int(self.lengths[index]), 1)
            if self.exact:
                return 0, length
            # Some files pad before the steps and some after them; steps that are not zero are never padding.
            return (steps - length, steps) if stop > length and first >= steps - length else (0, max(length, stop))
        if self.padded == "around":
            return first, stop
        if self.start_of is not None:
            words = np.flatnonzero(finite(self.start_of[index]).any(axis=1))
            return (int(words[0]) if len(words) else first), steps
        return first, steps


def finite(values: np.ndarray) -> np.ndarray:
    """float32 with 0 for what is no number: the logarithm of silence (-inf), and features that failed (NaN)."""
    return np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
