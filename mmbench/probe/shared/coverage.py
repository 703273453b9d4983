"""What is lost when only the surest answers are kept, at every coverage. Plain arrays.

Samples that are equally sure come in no order, so that each has the mean loss of all of them: that is the expected
value over every order they could have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def surest_first(sure: Floats, loss: Floats) -> Floats:
    """(N,) losses in the order of confidence, ties shared."""
    order = np.argsort(-sure, kind="stable")
    ordered = sure[order]
    group = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    return np.asarray((np.bincount(group, loss[order]) / np.bincount(group))[group])


def aurc(sure: Floats, loss: Floats) -> float:
    """Area under the risk-coverage curve: the mean over n of the mean loss of the n surest samples (Geifman, Uziel and
    El-Yaniv 2019). Equally sure of all: the mean loss."""
    lost = surest_first(sure, loss)
    return float(np.mean(np.cumsum(lost) / np.arange(1, len(lost) + 1)))


def augrc(sure: Floats, loss: Floats) -> float:
    """Area under the generalised risk-coverage curve: of loss that is kept, as a share of all samples (Traub et al.
    2024, Overcoming Common Flaws in the Evaluation of Selective Classification Systems).

    Of errors it is (1 - AUROC) a (1 - a) + (1 - a)^2 / 2, with the accuracy a and the AUROC of confidence for what is
    right.
    """
    kept = np.concatenate(([0.0], np.cumsum(surest_first(sure, loss)))) / len(loss)
    return float(np.mean((kept[1:] + kept[:-1]) / 2))
