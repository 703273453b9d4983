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

    from mmbench.data.batches import Example, Split

SEVERITIES = ("1", "2", "3", "4", "5")
STEP = 0.5
"""Standard deviations of noise per severity, in those of a modality's own numbers in training."""
WORDS = 0.15
"""Share of words that are replaced per severity."""
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
        for name, modality in spec.modalities.items():
            # The stem of words reads numbers of a vocabulary, of which 0 is padding.
            if modality.options.get("vocabulary", 3) < 3:
                return f"{name} has one word, which cannot be replaced by another"
        return None

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        import math

        from mmbench.probe.shared.sample import chosen, outputs_on
        from mmbench.schema.scores import predictions, score

        test, task = splits["test"], spec.task
        names = tuple(test.inputs)
        index = chosen(test, SAMPLES)
        inputs, labels = test.rows(index.to(test.labels.device))
        truth = labels.cpu().numpy()
        spread = {name: _spread(splits["train"], name) for name in names}

        def scored(spoilt: Collection[str], severity: int) -> float:
            changed = {
                name: _spoil(x, name, severity, spread[name], spec) if name in spoilt else x
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


def _spread(train: Split, name: str) -> float:
    """Standard deviation of a modality's real numbers, as models read them, over at most 256 training samples."""
    import torch

    inputs, _ = train.only((name,)).rows(torch.arange(min(256, len(train)), device=train.labels.device))
    x = inputs[name]
    if not x.values.is_floating_point():
        return 0.0
    real = x.values
    if x.mask is not None:
        steps = x.mask.shape[1] == x.values.shape[1]
        # Otherwise a mask is over patches or columns: a sample that lacks the modality has none.
        real = x.values[x.mask] if steps else x.values[x.mask.any(1)]
    return float(real.std()) if real.numel() > 1 else 0.0


def _spoil(x: Example, name: str, severity: int, spread: float, spec: DataSpec) -> Example:
    import torch

    from mmbench.data.batches import Example

    generator = torch.Generator().manual_seed(1000 * severity + sum(name.encode()))
    if x.values.is_floating_point():
        noise = torch.randn(x.values.shape, generator=generator).to(x.values)
        return Example(values=x.values + STEP * severity * spread * noise, mask=x.mask)
    words = int(spec.modalities[name].options["vocabulary"]) - 1
    # 0 is padding. So many words on, so that it is another one.
    further = torch.randint(1, words, x.values.shape, generator=generator).to(x.values)
    others = (x.values - 1 + further) % words + 1
    swapped = torch.rand(x.values.shape, generator=generator).to(x.values.device) < WORDS * severity
    return Example(values=torch.where(swapped & (x.values > 0), others, x.values), mask=x.mask)
