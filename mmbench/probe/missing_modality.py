"""How good a model is without some of its modalities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from mmbench.data.batches import Split

RATES = ("0", "0.1", "0.3", "0.5", "0.7", "0.9")
SAMPLES = 512
"""Of the test split, for each rate."""


@variant("missing_modality", source="Ma et al. 2022, Are Multimodal Transformers Robust to Missing Modality?")
class MissingModality(Probe):
    """The main metric on the test split when a trained model is shown a subset of its modalities, for every subset; and
    when each modality of each sample is missing with some probability.

    What is hidden is masked, as a sample that lacks it is stored; behind a pretrained encoder it is the encoder's
    features that are masked. The model has not been trained again: unless it was trained with modality dropout or on
    samples that lack some, it has never seen such an input. Samples are the same for all models on a data set; so is
    what is missing of which, and of each sample at least one modality is kept.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "subset_scores": Quantity(label="score with these modalities alone", per="subset"),
        "missing_rate_scores": Quantity(label="score at this rate of missing modalities", per="level", levels=RATES),
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        import math

        from mmbench.probe.shared.coalitions import coalitions
        from mmbench.schema.scores import predictions, score

        task, test = spec.task, splits["test"]

        def scored(outputs: np.ndarray, labels: np.ndarray) -> float:
            return score(task.metric, task, predictions(task.kind, outputs), labels)

        table = coalitions(model, splits, spec)
        subsets = [scored(outputs, table.labels) for shown, outputs in table.outputs.items() if shown]
        rates = self._rates(model, test, spec) if len(test.inputs) > 1 else None
        found = {
            "subset_scores": subsets,
            "missing_rate_scores": None if rates is None else [scored(*each) for each in rates],
        }
        return {name: None if x is None or not all(map(math.isfinite, x)) else x for name, x in found.items()}

    def _rates(self, model: nn.Module, test: Split, spec: DataSpec) -> list[tuple[np.ndarray, np.ndarray]]:
        """Outputs and labels at each rate."""
        import torch

        from mmbench.model.hiding import hide, mask_lengths, missing_at
        from mmbench.probe.shared.sample import chosen, outputs_on

        index = chosen(test, SAMPLES // 2)
        inputs, labels = test.rows(index.to(test.labels.device))
        drawn = torch.rand(len(index), len(inputs), generator=torch.Generator().manual_seed(len(test)))
        lengths = mask_lengths(spec, tuple(inputs))
        made = []
        there = [x.mask.any(1).cpu() if x.mask is not None else torch.ones(len(index)) > 0 for x in inputs.values()]
        for rate in map(float, RATES):
            gone = missing_at(drawn, rate, torch.stack(there, 1))
            hidden: dict[str, Tensor | None] = {name: gone[:, i] for i, name in enumerate(inputs)}
            made.append((outputs_on(model, hide(inputs, hidden, lengths), spec, test), labels.cpu().numpy()))
        return made
