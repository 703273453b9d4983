"""One modality says the label, the others say something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmbench.data.synthetic import check, sampling
from mmbench.data.synthetic.ceiling import ceiling
from mmbench.data.synthetic.generator import LICENCE, MODALITIES, SOURCE, Generator, Recipe
from mmbench.data.synthetic.numbers import NUMBERS, WORDS
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import task_of

TAKING_PART = ("image", "audio", "text")


@variant(
    "unique", source="unique information in the sense of Williams and Beer 2010, partial information decomposition"
)
class Unique(Generator):
    """Four classes, said by the `carrier` alone (image, audio or text); the others say independent numbers.

    `modalities` lists which there are. The carrier is wrong in a known share of the samples (`corruption`): it then
    says one of the three other classes.
    """

    def __init__(
        self,
        *,
        train: int = 1600,
        validation: int = 500,
        test: int = 1000,
        modalities: Sequence[str] | None = None,
        carrier: str = "image",
        corruption: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__(train, validation, test, seed, multiple=NUMBERS)
        self.taking_part = check.some_of("modalities", modalities, TAKING_PART, least=2)
        self.carrier = check.one_of("carrier", carrier, self.taking_part)
        self.corruption = check.probability("corruption", corruption)

    def describe(self, name: str) -> DataSpec:
        several = len(self.taking_part) > 2
        others = "the others say numbers that are" if several else "the other one says a number that is"
        return DataSpec(
            name=name,
            description=f"The {self.carrier} says the label; {others} no clue.",
            modalities={m: MODALITIES[m] for m in self.taking_part},
            task=task_of("classification", WORDS),
            splits=self.sizes,
            chance=1 / NUMBERS,
            ceiling=ceiling([self.corruption], NUMBERS),
            ceiling_why=f"the {self.carrier} is wrong in a share of {self.corruption:g} of the samples",
            carriers=(self.carrier,),
            licence=LICENCE,
            source=SOURCE,
            hash="",
        )

    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        labels = sampling.balanced(rng, samples, NUMBERS)
        says = {m: sampling.balanced(rng, samples, NUMBERS) for m in self.taking_part}
        says[self.carrier] = sampling.corrupted(rng, labels, self.corruption, NUMBERS)
        nowhere = np.zeros(samples, bool)
        tells = {m: says[m] == labels if m == self.carrier else nowhere for m in self.taking_part}
        return Recipe(labels=labels, says=says, tells=tells)
