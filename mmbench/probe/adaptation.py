"""Whether a model relies less on a modality when it is spoilt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mmbench.data.batches import Inputs, Split

SAMPLES = 160
SEVERITY = 5


@variant("adaptation", source="own; noise as in Hendrycks and Dietterich 2019, reliance as in Zeiler and Fergus 2014")
class Adaptation(Probe):
    """Reliance on a modality: |F(x) - F(x without it)|, a mean over test samples, as a share of the sum over
    modalities; F is how sure the model is of its own answer (log-odds of the class, mean of labels or numbers).

    It is measured as the data are, and with this modality under the strongest noise of the probe `noise`. Adaptation is
    how much of its share a spoilt modality loses, a mean over modalities: above 0, the model turns to the others, as
    mechanisms that weigh modalities by what is in them (routing, gates, dynamic fusion) are meant to; below 0, noise
    sways it more than the modality itself did. It is asked of every model alike, whatever it calls its weights, so a
    model can lose by it what its gates gain. None of models with one modality, and of those that rely on nothing.
    """

    default = False

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "reliance": Quantity(label="share of reliance on a modality", per="modality"),
        "reliance_spoilt": Quantity(label="share of reliance on a modality that is spoilt", per="modality"),
        "adaptation": Quantity(label="share of reliance that a spoilt modality loses", better="higher"),
    }

    @classmethod
    def cannot(cls, spec: DataSpec) -> str | None:
        from mmbench.probe.shared.cannot_spoil import cannot_spoil

        return cannot_spoil(spec)

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        import math

        from mmbench.model.hiding import mask_lengths
        from mmbench.probe.shared.sample import chosen
        from mmbench.probe.shared.spoiling import spoil, spread

        test = splits["test"]
        names = tuple(test.inputs)
        none: dict[str, float | list[float] | None] = dict.fromkeys(self.quantities)
        if len(names) < 2:
            return none
        inputs, _ = test.rows(chosen(test, SAMPLES).to(test.labels.device))
        lengths = mask_lengths(spec, names)
        clean = _shares(model, inputs, spec, lengths)
        spoilt = []
        for i, name in enumerate(names):
            noisy = spoil(inputs[name], name, SEVERITY, spread(splits["train"], name), spec)
            spoilt.append(_shares(model, {**inputs, name: noisy}, spec, lengths)[i])
        if not all(map(math.isfinite, (*clean, *spoilt))):
            return none
        lost = sum(a - b for a, b in zip(clean, spoilt, strict=True)) / len(names)
        return {"reliance": clean, "reliance_spoilt": spoilt, "adaptation": lost}


def _shares(model: nn.Module, inputs: Inputs, spec: DataSpec, lengths: Mapping[str, int]) -> list[float]:
    """Of each modality, in order; NaN where the model relies on nothing."""
    import math

    from mmbench.model.hiding import hide
    from mmbench.probe.shared.answer import Answer
    from mmbench.probe.shared.sample import normalised, raw_outputs

    outputs = normalised(raw_outputs(model, inputs), model, spec)
    answer = Answer(task=spec.task, outputs=outputs)

    def reliance(name: str) -> float:
        hidden: dict[str, Tensor | None] = {name: None}
        without = normalised(raw_outputs(model, hide(inputs, hidden, lengths)), model, spec)
        return (answer.sureness(outputs) - answer.sureness(without)).abs().double().mean().item()

    found = [reliance(name) for name in inputs]
    total = sum(found)
    return [x / total if total > 0 else math.nan for x in found]
