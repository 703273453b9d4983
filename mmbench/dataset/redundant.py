"""All modalities say the label, none of them reliably."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmbench.data.synthetic import check, sampling
from mmbench.data.synthetic.ceiling import ceiling
from mmbench.data.synthetic.generator import LICENCE, MODALITIES, SOURCE, Generator, Recipe
from mmbench.data.synthetic.numbers import NUMBERS, WORDS
from mmbench.data.synthetic.video import DIRECTIONS
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import task_of

SAYS = {"image": "a digit", "audio": "a spoken word", "text": "a number word", "video": "a motion"}
COUNT = {2: "two", 3: "three", 4: "four"}
CORRUPTION = {"image": 0.2, "audio": 0.2, "text": 0.3, "video": 0.3}


@variant(
    "redundant",
    title="all modalities say it",
    source="redundancy in the sense of Williams and Beer 2010, partial information decomposition",
)
class Redundant(Generator):
    """Four classes; a handwritten digit, a spoken word, a number word and a direction of motion all say which.

    `modalities` lists which of them there are. Each is wrong, independently, in a known share of the samples
    (`corruption`: one number, or one for each modality): it then says one of the three other classes. Evidence lies
    only where a modality is right.
    """

    def __init__(
        self,
        *,
        train: int = 2000,
        validation: int = 500,
        test: int = 1000,
        modalities: Sequence[str] | None = None,
        corruption: float | Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(train, validation, test, seed, multiple=NUMBERS)
        chosen = check.some_of("modalities", modalities, tuple(MODALITIES), least=2)
        if corruption is None:
            corruption = {m: CORRUPTION[m] for m in chosen}
        self.corruption = check.probabilities("corruption", corruption, chosen)

    def describe(self, name: str) -> DataSpec:
        *first, last = (SAYS[m] for m in self.corruption)
        sayers = f"{', '.join(first)} and {last}"
        shares = [f"{modality} {p:g}" for modality, p in self.corruption.items()]
        return DataSpec(
            name=name,
            description=f"{sayers[:1].upper()}{sayers[1:]} all say the label, each wrong at times.",
            modalities={m: MODALITIES[m] for m in self.corruption},
            task=task_of("classification", (f"{word} · {way}" for word, way in zip(WORDS, DIRECTIONS, strict=True))),
            splits=self.sizes,
            chance=1 / NUMBERS,
            ceiling=ceiling(list(self.corruption.values()), NUMBERS),
            ceiling_why=f"the best vote of {COUNT[len(shares)]} reports that are wrong in known shares of the samples: "
            + ", ".join(shares),
            licence=LICENCE,
            source=SOURCE,
            hash="",
        )

    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        labels = sampling.balanced(rng, samples, NUMBERS)
        says = {m: sampling.corrupted(rng, labels, p, NUMBERS) for m, p in self.corruption.items()}
        return Recipe(labels=labels, says=says, tells={m: said == labels for m, said in says.items()})
