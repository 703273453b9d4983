"""What a generator of an embedded data set is, and what all of them do alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmbench.data.synthetic import audio, check, digits, image, speech, text, video
from mmbench.data.synthetic.rendered import Rendered
from mmbench.data.synthetic.sampling import Numbers
from mmbench.schema.dataset import DataSpec

MODALITIES = {"image": image.MODALITY, "audio": audio.MODALITY, "text": text.MODALITY, "video": video.MODALITY}
RENDER = {"image": image.render, "audio": audio.render, "text": text.render, "video": video.render}

SOURCE = f"{digits.SOURCE}; {speech.SOURCE}; sentences and motions by mmbench"
LICENCE = f"{digits.LICENCE}; {speech.LICENCE}"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One split before it is rendered.

    labels: (N,). says: per modality, the numbers to render. tells: per modality, where (N,) that number bears on the
    label. index: per modality, which rendering (N,) each sample shows; without it, the n-th shows the n-th.
    """

    labels: Numbers
    says: Mapping[str, Numbers]
    tells: Mapping[str, NDArray[np.bool_]]
    index: Mapping[str, Numbers] | None = None


class Generator(ABC):
    """Makes one data set from options. The arrays depend on the options alone, bit by bit."""

    def __init__(self, train: int, validation: int, test: int, seed: int, *, multiple: int) -> None:
        sizes = {"train": train, "validation": validation, "test": test}
        self.sizes = {key: check.whole(key, n, least=multiple, multiple=multiple) for key, n in sizes.items()}
        self.seed = check.whole("seed", seed, least=0)

    @abstractmethod
    def describe(self, name: str) -> DataSpec:
        """The data set's spec; its hash is empty until the arrays are saved."""

    @abstractmethod
    def recipe(self, samples: int, rng: np.random.Generator) -> Recipe:
        """What each of so many samples says."""

    def make(self, name: str) -> tuple[DataSpec, dict[str, Arrays]]:
        """The spec and, for each split, what `mmbench.data.prepared.save` takes."""
        return self.describe(name), {split: self._arrays(split) for split in self.sizes}

    def _arrays(self, split: str) -> Arrays:
        place = list(self.sizes).index(split)

        def stream(purpose: int) -> np.random.Generator:
            return np.random.default_rng([self.seed, place, purpose])

        recipe = self.recipe(self.sizes[split], stream(0))
        arrays: Arrays = {"label": recipe.labels}
        for purpose, (modality, render) in enumerate(RENDER.items(), start=1):
            if modality not in recipe.says:
                continue
            rendered = render(split, recipe.says[modality], stream(purpose))
            if recipe.index is not None:
                index = recipe.index[modality]
                rendered = Rendered(values=rendered.values[index], evidence=rendered.evidence[index])
            arrays[modality] = rendered.values
            arrays[f"{modality}.evidence"] = rendered.evidence & recipe.tells[modality][:, None]
        return arrays
