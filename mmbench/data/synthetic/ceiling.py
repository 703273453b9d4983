"""The best accuracy that planted corruption allows, exactly."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod

from mmbench.data.synthetic.sampling import Shares


def ceiling(corruption: Sequence[float], classes: int) -> float:
    """Accuracy of the Bayes-optimal guess from several noisy reports of one label.

    The label is uniform over `classes`. Report m is independent of the others given the label: with probability
    corruption[m] it is one of the wrong classes, each equally likely, else the right one. Perception is perfect. The
    sum runs over all classes^M joint reports: (1/C) sum_x max_y prod_m P(x_m | y).
    """

    def likelihood(reports: Sequence[int], label: int) -> float:
        return prod(
            1 - p if report == label else p / (classes - 1) for p, report in zip(corruption, reports, strict=True)
        )

    labels = range(classes)
    joint = itertools.product(labels, repeat=len(corruption))
    return sum(max(likelihood(reports, label) for label in labels) for reports in joint) / classes


def joint_ceiling(shares: Shares) -> float:
    """The same for any process: shares (..., C) are the probabilities of what is perceived and the label, summing to 1.

    Sum over all that can be perceived of the probability of its likeliest label.
    """
    return float(shares.max(axis=-1).sum())
