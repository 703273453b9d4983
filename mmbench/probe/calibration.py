"""Whether a model is as sure as it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity
from mmbench.schema.task import Task

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from mmbench.data.batches import Split

WHEN = ("before", "after")
"""Temperature scaling."""
BINS = 15
"""As `mmbench.probe.shared.binning` has them."""
PLACES = tuple(f"{when} {i + 1}" for when in WHEN for i in range(BINS))


def _twice(label: str, unit: str = "") -> Quantity:
    return Quantity(label=label, unit=unit, better="lower", per="level", levels=WHEN, low=0)


@variant(
    "calibration",
    source="Guo et al. 2017, On Calibration of Modern Neural Networks; Traub et al. 2024 (generalised risk)",
)
class Calibration(Probe):
    """Log-loss, Brier score, calibration errors and areas under risk-coverage curves on the test split, before and
    after temperature scaling, whose one number is fitted on the validation split.

    Classes: the confidence is the probability of the class that is said; of two classes the Brier score is half the sum
    over both, as in scikit-learn. Labels: every label of every sample is one decision, whose confidence is the
    probability of what is said of it; log-loss and Brier score are means over labels; a sample's risk is the share of
    its labels that are wrong, its confidence their mean. Calibration errors have 15 bins, of equal width (the last one
    closed) or of equal mass. They are biased upwards, the more so the fewer samples there are: log-loss and Brier score
    come first.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "log_loss": _twice("log-loss", "nats"),
        "brier": _twice("Brier score"),
        "calibration_error": _twice("expected calibration error"),
        "calibration_error_adaptive": _twice("calibration error, bins of equal mass"),
        "calibration_error_classwise": _twice("calibration error of each class"),
        "aurc": _twice("area under the risk-coverage curve"),
        "augrc": _twice("area under the generalised risk-coverage curve"),
        "temperature": Quantity(label="temperature fitted on validation", low=0),
        "reliability_counts": Quantity(label="samples in a bin", per="level", levels=PLACES, low=0, whole=True),
        "reliability_confidence": Quantity(label="mean confidence in a bin", per="level", levels=PLACES, low=0),
        "reliability_accuracy": Quantity(label="share right in a bin", per="level", levels=PLACES, low=0),
    }

    @classmethod
    def cannot(cls, spec: DataSpec) -> str | None:
        return "a regression gives no probabilities" if spec.task.kind == "regression" else None

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.probe.shared.outputs import outputs_of
        from mmbench.probe.shared.temperature import fit_temperature

        held, test = (outputs_of(model, splits, spec, name) for name in ("validation", "test"))
        temperature = fit_temperature(spec.task, held.outputs, held.labels)
        before, after = (_judge(spec.task, test.outputs / t, test.labels) for t in (1.0, temperature))
        return {"temperature": temperature} | {name: [*before[name], *after[name]] for name in before}


def _judge(task: Task, outputs: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """Every quantity but the temperature, of these logits."""
    import numpy as np

    from mmbench.probe.shared import binning, coverage
    from mmbench.probe.shared.temperature import log_loss
    from mmbench.schema.scores import predictions

    p = predictions(task.kind, outputs)
    if task.kind == "multilabel":
        true = labels.astype(np.float64)
        brier = float(((p - true) ** 2).mean())
        sure, right = np.maximum(p, 1 - p), ((p >= 0.5) == (true > 0)).astype(np.float64)
        trust, lost = sure.mean(1), 1 - right.mean(1)
    else:
        true = np.eye(p.shape[1])[labels]
        brier = float(((p - true) ** 2).sum(1).mean()) / (2 if p.shape[1] == 2 else 1)
        sure, right = p.max(1), (p.argmax(1) == labels).astype(np.float64)
        trust, lost = sure, 1 - right
    sure, right = sure.ravel(), right.ravel()
    bins = binning.binned(sure, right, binning.equal_width(sure))
    return {
        "log_loss": [max(log_loss(task, outputs, labels), 0.0)],
        "brier": [brier],
        "calibration_error": [bins.error],
        "calibration_error_adaptive": [binning.adaptive_error(sure, right)],
        "calibration_error_classwise": [binning.classwise_error(p, true)],
        "aurc": [coverage.aurc(trust, lost)],
        "augrc": [coverage.augrc(trust, lost)],
        "reliability_counts": bins.counts.tolist(),
        "reliability_confidence": bins.confidence.tolist(),
        "reliability_accuracy": bins.accuracy.tolist(),
    }
