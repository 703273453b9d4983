"""Confidences in bins, and how far a bin's confidence is from the share that is right. Plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


def equal_width(sure: Floats, bins: int = BINS) -> Places:
    """(N,) the bin of each confidence in [0, 1]: [i / B, (i + 1) / B), and the last one closed, so that a confidence of
    exactly 1 has no bin of its own (torchmetrics issue 3510)."""
    edges = np.linspace(0, 1, bins + 1)
    return np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, bins - 1).astype(np.intp)


def equal_mass(sure: Floats, bins: int = BINS) -> Places:
    """(N,) the same with about as many samples in each bin, and equal confidences always in one: which samples come
    first says nothing (Nguyen and O'Connor 2015)."""
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    return np.clip(np.searchsorted(edges, sure, side="right") - 1, 0, max(len(edges) - 2, 0)).astype(np.intp)


@dataclass(frozen=True, kw_only=True)
class Binned:
    """counts: (B,) of samples. confidence, accuracy: (B,) the mean confidence and the share that is right; 0 where
    there is no sample."""

    counts: NDArray[np.intp]
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance between the two, each bin by its samples."""
        return float(self.counts @ np.abs(self.accuracy - self.confidence) / self.counts.sum())


def binned(sure: Floats, right: Floats, places: Places, bins: int = BINS) -> Binned:
    """sure, right, places: (N,) confidence, 1 where it is right, and bin."""
    counts = np.bincount(places, minlength=bins)
    some = np.maximum(counts, 1)
    return Binned(
        counts=counts,
        confidence=np.bincount(places, sure, minlength=bins) / some,
        accuracy=np.bincount(places, right, minlength=bins) / some,
    )


def expected_error(sure: Floats, right: Floats) -> float:
    """Guo et al. 2017, On Calibration of Modern Neural Networks."""
    return binned(sure, right, equal_width(sure)).error


def adaptive_error(sure: Floats, right: Floats) -> float:
    """Of bins of equal mass."""
    return binned(sure, right, equal_mass(sure)).error


def classwise_error(probabilities: Floats, true: Floats) -> float:
    """Of every class's own probability, whatever is said in the end; the mean over classes (Kull et al. 2019). (N, C)
    both."""
    return float(np.mean([expected_error(p, y) for p, y in zip(probabilities.T, true.T, strict=True)]))
