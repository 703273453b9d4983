"""No modality alone helps to guess the label; both together tell it."""

from __future__ import annotations

import numpy as np

from mmbench.data.synthetic import check, sampling
from mmbench.data.synthetic.ceiling import joint_ceiling
from mmbench.data.synthetic.generator import LICENCE, MODALITIES, SOURCE, Generator, Recipe
from mmbench.data.synthetic.numbers import WORDS
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import task_of

NUMBERS, COPIES, MATCHING, DIFFERING = 3, 3, 2, 3
"""In a block: numbers in use, images (and recordings) of each, and for each of these, how often it occurs with a
partner of its own number and of another one."""

ROWS = NUMBERS * COPIES * (MATCHING + DIFFERING)


def block() -> tuple[sampling.Numbers, sampling.Numbers, sampling.Numbers, sampling.Numbers]:
    """The rows of one block: (number, copy) of the image and (number, copy) of the recording, (ROWS,) each."""
    others = NUMBERS - 1
    rows = [
        (a, i, b, j % COPIES)
        for a in range(NUMBERS)
        for i in range(COPIES)
        for b, j in (
            *((a, i + t) for t in range(MATCHING)),
            *(((a + 1 + t % others) % NUMBERS, i + t // others) for t in range(DIFFERING)),
        )
    ]
    a, i, b, j = np.array(rows).T
    return a, i, b, j


@variant("synergy", title="only together", source="a matching task, in the sense of synergy of Williams and Beer 2010")
class Synergy(Generator):
    """Four classes: a handwritten and a spoken digit (6, 7 or 0) differ, or both are 6, both are 7, both are 0.

    Every image occurs with two matching and with three differing recordings, and every recording likewise with images,
    in every split. So whoever perceives one modality only, however well, can do no better than to say "differ", which
    is right in 3 of 5 samples: the accuracy of the best constant guess. (The information is not all synergy: one
    modality rules out some of the classes.) In a known share of the blocks (`corruption`) every recording says another
    number than it should, which leaves this balance as it is.
    """

    def __init__(
        self,
        *,
        train: int = 3150,
        validation: int = 495,
        test: int = 990,
        corruption: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__(train, validation, test, seed, multiple=ROWS)
        self.corruption = check.probability("corruption", corruption)

    def describe(self, name: str) -> DataSpec:
        return DataSpec(
            name=name,
            description="An image and a recording each say a number: do they differ, or which number do both say?",
            modalities={m: MODALITIES[m] for m in ("image", "audio")},
            task=task_of("classification", ("differ", *(f"both {word}" for word in WORDS[:NUMBERS]))),
            splits=self.sizes,
            chance=DIFFERING / (MATCHING + DIFFERING),
            ceiling=joint_ceiling(self.joint()),
            ceiling_why=f"in a share of {self.corruption:g} of the blocks of samples, recordings say another number",
            licence=LICENCE,
            source=SOURCE,
            hash="",
        )

    def joint(self) -> sampling.Shares:
        """P(number seen, number heard, label), (NUMBERS, NUMBERS, NUMBERS + 1), given perfect perception."""
        shares = np.zeros((NUMBERS, NUMBERS, NUMBERS + 1))
        a, _, b, _ = block()
        label = np.where(a == b, a + 1, 0)
        np.add.at(shares, (a, b, label), (1 - self.corruption) / ROWS)
        for shift in range(1, NUMBERS):
            np.add.at(shares, (a, (b + shift) % NUMBERS, label), self.corruption / (NUMBERS - 1) / ROWS)
        return shares

    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        blocks, each = samples // ROWS, NUMBERS * COPIES
        a, i, b, j = block()
        shift = np.zeros(blocks, np.int64)
        wrong = rng.permutation(blocks)[: round(self.corruption * blocks)]
        shift[wrong] = rng.integers(1, NUMBERS, len(wrong))
        number = np.tile(np.repeat(np.arange(NUMBERS), COPIES), blocks)
        of_block = each * np.arange(blocks)[:, None]
        order = rng.permutation(samples)
        return Recipe(
            labels=np.tile(np.where(a == b, a + 1, 0), blocks)[order],
            says={"image": number, "audio": (number + np.repeat(shift, each)) % NUMBERS},
            tells={
                "image": np.ones(samples, bool),
                "audio": np.repeat(shift == 0, ROWS)[order],
            },
            index={
                "image": (of_block + a * COPIES + i).ravel()[order],
                "audio": (of_block + b * COPIES + j).ravel()[order],
            },
        )
