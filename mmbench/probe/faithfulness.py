"""Whether a model's answer depends on the tokens that are said to be relevant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity
from mmbench.schema.relevance import FAITHFUL, METHODS, TITLES

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split


@variant(
    "faithfulness",
    source="DeYoung et al. 2020, ERASER (comprehensiveness, sufficiency); Petsiuk et al. 2018, RISE (deletion, "
    "insertion); Hooker et al. 2019 (why a random ranking stands beside them)",
)
class Faithfulness(Probe):
    """How much of a model's answer is lost or left when the tokens that each method of relevance ranks first are taken
    away, or they alone are left: masked, or replaced by another sample's token of the same place.

    Of the answer counts its probability; of numbers 1 less the distance, in standard deviations. The same share of each
    modality goes at once. Samples and rankings are those of the probe `relevance`; a random ranking stands beside them:
    a method that is not better says nothing of this model. Verdicts may depend on how tokens are taken away.
    """

    default = False
    baselines = False

    quantities: ClassVar[Mapping[str, Quantity]] = {
        f"faithfulness_{name}": Quantity(label=f"faithfulness of {TITLES[name]}", per="level", levels=FAITHFUL)
        for name in METHODS
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.probe.shared.explained import explained
        from mmbench.probe.shared.faithful import faithfulness

        found = explained(model, splits, spec, seed)
        none: dict[str, float | list[float] | None] = dict.fromkeys(self.quantities)
        if found is None:
            return none
        made = faithfulness(found.x, found.answer, found.found)
        return none | {f"faithfulness_{name}": [round(x, 5) for x in values] for name, values in made.items()}
