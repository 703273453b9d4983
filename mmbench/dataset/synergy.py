"""No modality says anything about the label; both together do."""

from __future__ import annotations

import numpy as np

from mmbench.config import DataSpec
from mmbench.registry import variant
from mmbench.signal import check, draw
from mmbench.signal.ceiling import ceiling
from mmbench.signal.generator import LICENCE, MODALITIES, NUMBERS, SOURCE, Generator, Recipe

BLOCK = 4


@variant("synergy", source="synergy (XOR) in the sense of Williams and Beer 2010, partial information decomposition")
class Synergy(Generator):
    """Two classes: whether a handwritten digit and a spoken one are of the same parity (exclusive or).

    `digits` (2 or 4) numbers are in use: 0 and 1, or 0 to 3. The samples come in blocks of four: an even and an odd
    image, each with an even and an odd recording. So every image and every recording occurs once with each label, in
    every split, and a model of one modality is right in exactly half of the samples, whatever it computes. In a known
    share of the blocks (`corruption`) the labels are swapped, which keeps this balance.
    """

    def __init__(
        self,
        *,
        train: int = 2400,
        validation: int = 500,
        test: int = 1000,
        digits: int = 2,
        corruption: float = 0.04,
        seed: int = 0,
    ) -> None:
        super().__init__(train, validation, test, seed, multiple=BLOCK)
        self.digits = check.whole("digits", digits, least=2, multiple=2, most=NUMBERS)
        self.corruption = check.probability("corruption", corruption)

    def describe(self, name: str) -> DataSpec:
        return DataSpec(
            name=name,
            description=f"Image and sound each say a number from 0 to {self.digits - 1}: are both even or both odd?",
            modalities={m: MODALITIES[m] for m in ("image", "audio")},
            classes=("same parity", "different parity"),
            splits=self.sizes,
            chance=0.5,
            ceiling=ceiling([self.corruption], 2),
            ceiling_why=f"the label is swapped in a share of {self.corruption:g} of the samples",
            licence=LICENCE,
            source=SOURCE,
            hash="",
        )

    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        blocks, kinds = samples // BLOCK, self.digits // 2

        def even_then_odd() -> draw.Numbers:
            return np.concatenate([2 * draw.balanced(rng, blocks, kinds) + parity for parity in (0, 1)])

        swapped = np.zeros(blocks, np.int64)
        swapped[rng.permutation(blocks)[: round(self.corruption * blocks)]] = 1
        block, image, audio = (x.ravel() for x in np.meshgrid(np.arange(blocks), [0, 1], [0, 1], indexing="ij"))
        order = rng.permutation(samples)
        return Recipe(
            labels=(image ^ audio ^ swapped[block])[order],
            says={"image": even_then_odd(), "audio": even_then_odd()},
            tells={m: np.ones(samples, bool) for m in ("image", "audio")},
            index={"image": (block + blocks * image)[order], "audio": (block + blocks * audio)[order]},
        )
