"""Late fusion without anything deep: a linear model of each modality."""

from __future__ import annotations

from mmbench.baseline.linear import Linear
from mmbench.registry import variant


@variant(
    "linear_late",
    title="linear model of each modality, averaged",
    short="late linear",
    source="scikit-learn LogisticRegression, Ridge; Kittler et al. 1998, On Combining Classifiers",
)
class LinearLate(Linear):
    """The linear model of each modality alone, their probabilities (numbers: predictions) averaged.

    inverse_strength: as of the linear model, the same for all modalities.
    """

    per_modality = True
