"""How good a model stays when its inputs are spoilt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split

SEVERITIES = ("1", "2", "3", "4", "5")
SAMPLES = 160


@variant("noise", source="Hendrycks and Dietterich 2019 (severities); Liang et al. 2021, MultiBench")
class Noise(Probe):
    """The main metric on test samples when one modality, or all of them, are spoilt in five severities.

    Numbers: Gaussian noise of 0.5 to 2.5 standard deviations of the modality's numbers in training. Words: 15 to 75 %
    are replaced by others. What is padding or missing stays so. The draws are the same for all models on a data set. A
    modality's own control, trained on it alone, says how much is lost that nobody could have kept.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "noise_scores": Quantity(label="score under noise in a modality", per="modality", levels=SEVERITIES),
        "noise_scores_joint": Quantity(label="score under noise in all modalities", per="level", levels=SEVERITIES),
        "noise_score_clean": Quantity(label="score of the same samples without noise"),
    }

    @classmethod
    def cannot(cls, spec: DataSpec) -> str | None:
        from mmbench.probe.shared.cannot_spoil import cannot_spoil

        return cannot_spoil(spec)

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        import math

        from mmbench.probe.shared.sample import chosen, outputs_on
        from mmbench.probe.shared.spoiling import spoil, spread
        from mmbench.schema.scores import predictions, score

        test, task = splits["test"], spec.task
        names = tuple(test.inputs)
        index = chosen(test, SAMPLES)
        inputs, labels = test.rows(index.to(test.labels.device))
        truth = labels.cpu().numpy()
        spreads = {name: spread(splits["train"], name) for name in names}

        def scored(spoilt: Collection[str], severity: int) -> float:
            changed = {
                name: spoil(x, name, severity, spreads[name], spec) if name in spoilt else x
                for name, x in inputs.items()
            }
            outputs = outputs_on(model, changed, spec, test)
            return score(task.metric, task, predictions(task.kind, outputs), truth)

        severities = range(1, len(SEVERITIES) + 1)
        alone = [scored((name,), s) for name in names for s in severities]
        found: dict[str, list[float]] = {
            "noise_scores": alone,
            "noise_scores_joint": [scored(names, s) for s in severities] if len(names) > 1 else alone,
            "noise_score_clean": [scored((), 0)],
        }
        known = {name: x if all(map(math.isfinite, x)) else None for name, x in found.items()}
        clean = known.pop("noise_score_clean")
        return {**known, "noise_score_clean": None if clean is None else clean[0]}
