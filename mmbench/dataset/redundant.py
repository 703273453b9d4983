"""All modalities say the label, none of them reliably."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmbench.data.synthetic import check, sampling
from mmbench.data.synthetic.ceiling import ceiling
from mmbench.data.synthetic.generator import LICENCE, MODALITIES, SOURCE, Generator, Recipe
from mmbench.data.synthetic.numbers import NUMBERS, WORDS
from mmbench.data.synthetic.video import DIRECTIONS
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import task_of

CORRUPTION = {"image": 0.2, "audio": 0.2, "text": 0.3, "video": 0.3}


@variant("redundant", source="redundancy in the sense of Williams and Beer 2010, partial information decomposition")
class Redundant(Generator):
    """Four classes; a handwritten digit, a spoken word, a number word and a direction of motion all say which.

    Each modality is wrong, independently, in a known share of the samples (`corruption`: one number, or one for each
    modality): it then says one of the three other classes. Evidence lies only where a modality is right.
    """

    def __init__(
        self,
        *,
        train: int = 2000,
        validation: int = 500,
        test: int = 1000,
        corruption: float | Mapping[str, float] = CORRUPTION,
        seed: int = 0,
    ) -> None:
        super().__init__(train, validation, test, seed, multiple=NUMBERS)
        self.corruption = check.probabilities("corruption", corruption, tuple(MODALITIES))

    def describe(self, name: str) -> DataSpec:
        shares = ", ".join(f"{modality} {p:g}" for modality, p in self.corruption.items())
        return DataSpec(
            name=name,
            description="A digit, a spoken word, a number word and a motion all say the label, each wrong at times.",
            modalities=MODALITIES,
            task=task_of("classification", (f"{word} · {way}" for word, way in zip(WORDS, DIRECTIONS, strict=True))),
            splits=self.sizes,
            chance=1 / NUMBERS,
            ceiling=ceiling(list(self.corruption.values()), NUMBERS),
            ceiling_why=f"the best vote of four reports that are wrong in known shares of the samples: {shares}",
            licence=LICENCE,
            source=SOURCE,
            hash="",
        )

    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        labels = sampling.balanced(rng, samples, NUMBERS)
        says = {m: sampling.corrupted(rng, labels, p, NUMBERS) for m, p in self.corruption.items()}
        return Recipe(labels=labels, says=says, tells={m: said == labels for m, said in says.items()})
