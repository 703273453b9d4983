"""Sentences that name a small number, among other number words that say nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic.numbers import WORDS as NUMBER_WORDS
from mmbench.data.synthetic.rendered import Rendered
from mmbench.schema.dataset import Modality

SUBJECTS = (
    "she counted",
    "he ordered",
    "they found about",
    "we saw only",
    "the list says",
    "the report names",
    "our guide sold",
    "the clerk wrote down",
    "my sister asked for",
    "the driver brought",
    "you need at least",
    "the farmer lost",
)
THINGS = ("apples", "tickets", "letters", "boats", "lamps", "chairs", "stones", "birds")
SCENES = (
    "before two",
    "near gate three",
    "in room five",
    "after four",
    "on page eight",
    "at one",
    "today",
    "in the morning",
    "by the river",
    "on bus two",
    "at table five",
    "in street eight",
)
LENGTH = 9
"""Tokens of a sentence, padded at the end."""

WORDS = tuple(dict.fromkeys(" ".join(("<pad>", *NUMBER_WORDS, *SUBJECTS, *THINGS, *SCENES)).split()))
"""The vocabulary; a word's identifier is its place. 0 is padding."""

MODALITY = Modality(kind="text", shape=(LENGTH,), options={"vocabulary": len(WORDS)}, evidence=True)

Template = tuple[str, ...]


@cache
def templates(split: str) -> tuple[Template, ...]:
    """The sentence patterns of a split: words with one place for the number and one for a thing.

    Subject and scene are combined, scene last or first; no combination is in two splits, while each word is in all.
    """
    chosen = {"train": (0, 1, 2), "validation": (3,), "test": (4, 5)}[split]
    found = []
    for i, subject in enumerate(SUBJECTS):
        for j, scene in enumerate(SCENES):
            if (i + j) % 6 in chosen:
                core = (*subject.split(), "<number>", "<thing>")
                found += [(*core, *scene.split()), (*scene.split(), *core)]
    return tuple(found)


def render(split: str, numbers: NDArray[np.int64], rng: np.random.Generator) -> Rendered:
    """Word identifiers (N, LENGTH) of sentences that contain NUMBER_WORDS[number]; evidence: that word."""
    known = templates(split)
    index = {word: i for i, word in enumerate(WORDS)}
    slot, thing = -1, -2
    table = np.zeros((len(known), LENGTH), np.int64)
    for row, words in enumerate(known):
        table[row, : len(words)] = [{"<number>": slot, "<thing>": thing}.get(w) or index[w] for w in words]
    sentences = table[rng.integers(len(known), size=len(numbers))]
    things = np.array([index[w] for w in THINGS])[rng.integers(len(THINGS), size=len(numbers))]
    evidence = sentences == slot
    values = np.where(evidence, np.array([index[w] for w in NUMBER_WORDS])[numbers][:, None], sentences)
    return Rendered(values=np.where(sentences == thing, things[:, None], values), evidence=evidence)
