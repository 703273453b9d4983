"""What the vectors hold that a model makes of its modalities, and how those of two modalities relate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.probe.shared.places import PLACES, TOKENS
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from mmbench.data.batches import Split
    from mmbench.probe.shared.summaries import Vectors

SAMPLES = 512
"""Of the training split, to fit linear models on, and of the test split."""
LEAST = 256
"""Samples with both modalities for an alignment; with fewer its noise is as large as what it tells."""
CANDIDATES = 256
"""Among so many the right one is to be retrieved, or among all where there are fewer."""
LAYERS = ("stem to middle", "middle to last", "stem to last")


@variant(
    "representation",
    source="Alain and Bengio 2017 (linear probes); Kornblith et al. 2019 with Song et al. 2012 (alignment); "
    "Liang et al. 2022, Mind the Gap; Roy and Vetterli 2007 (effective rank)",
)
class Representation(Probe):
    """Linear probes, alignment, retrieval between modalities, modality gap and effective rank of frozen vectors.

    A modality has a vector after its stem, after the middle and the last layer (the mean of its real tokens, also
    within a sequence of all), and at its read-out. Where a fusion makes tokens that are no modality's own, it has none
    from there on. Linear probes are fitted on training samples and scored by the main metric on test samples; "joint"
    are all vectors of a place side by side. All else is measured without labels on held-out samples: of the test split,
    and of the validation split where it has few. What compares two modalities does so after the last layer, on samples
    that have both. Of architectures with several models it is the fused one that is looked at.
    """

    baselines = False

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "linear_probe": Quantity(label="linear probe of a modality's tokens", per="modality", levels=TOKENS),
        "linear_probe_readout": Quantity(label="linear probe of a modality's read-out", per="modality"),
        "linear_probe_joint": Quantity(label="linear probe of all modalities", per="level", levels=PLACES),
        "cka_layers": Quantity(label="alignment of a modality between layers (CKA)", per="modality", levels=LAYERS),
        "cka_stem": Quantity(label="alignment of two modalities after the stems (CKA)", per="pair"),
        "cka_last": Quantity(label="alignment of two modalities after the last layer (CKA)", per="pair"),
        "retrieval_1": Quantity(label="right one retrieved first (R@1)", better="higher", low=0, per="pair"),
        "retrieval_5": Quantity(label="right one among the first five (R@5)", better="higher", low=0, per="pair"),
        "retrieval_candidates": Quantity(label="candidates in retrieval", low=0, whole=True),
        "modality_gap": Quantity(label="distance between centroids (modality gap)", low=0, per="pair"),
        "paired_distance": Quantity(label="distance between the two of a sample", low=0, per="pair"),
        "modality_spread": Quantity(label="distance to the own centroid", low=0, per="modality"),
        "effective_rank": Quantity(label="effective rank of a modality's tokens", low=0, per="modality", levels=TOKENS),
        "effective_rank_joint": Quantity(label="effective rank of all modalities", low=0, per="level", levels=PLACES),
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.probe.shared.summaries import branch_of, together, vectors

        branch = branch_of(model)
        if branch is None:
            return dict.fromkeys(self.quantities)
        names = tuple(splits["test"].inputs)
        train, test = (vectors(branch, splits[split], SAMPLES) for split in ("train", "test"))
        held = test
        if len(test) < SAMPLES:
            held = together(test, vectors(branch, splits["validation"], SAMPLES - len(test)))
        found = {
            **dict.fromkeys(self.quantities),
            **_probes(names, train, test, spec),
            **_ranks(names, held),
            **_layers(names, held),
            **(_pairs(names, held) if len(names) > 1 else {}),
        }
        return {name: _known(value) for name, value in found.items()}


def _known(value: float | list[float] | None) -> float | list[float] | None:
    """None where a number is none."""
    import math

    numbers = value if isinstance(value, list) else [value]
    return value if all(x is not None and math.isfinite(x) for x in numbers) else None


def _probes(
    names: tuple[str, ...], train: Vectors, test: Vectors, spec: DataSpec
) -> dict[str, float | list[float] | None]:
    from mmbench.probe.shared.linear_probe import linear_score

    def alone(place: str, name: str) -> float:
        (x, y), (unseen, truth) = (
            (part.single[place][name][part.there[name]], part.labels[part.there[name]]) for part in (train, test)
        )
        return linear_score(spec.task, (x, y), (unseen, truth))

    def joint(place: str) -> float:
        return linear_score(spec.task, (train.joint[place], train.labels), (test.joint[place], test.labels))

    return {
        "linear_probe": _by_place(names, test, alone),
        "linear_probe_readout": [alone("read-out", n) for n in names] if "read-out" in test.single else None,
        "linear_probe_joint": [joint(place) for place in PLACES],
    }


def _by_place(names: tuple[str, ...], part: Vectors, value: Callable[[str, str], float]) -> list[float] | None:
    """For every modality and place of its tokens; None where a place has none of a single modality."""
    if not all(place in part.single for place in TOKENS):
        return None
    return [value(place, name) for name in names for place in TOKENS]


def _ranks(names: tuple[str, ...], held: Vectors) -> dict[str, float | list[float] | None]:
    from mmbench.probe.shared.likeness import effective_rank

    return {
        "effective_rank": _by_place(
            names, held, lambda place, name: effective_rank(held.single[place][name][held.there[name]])
        ),
        "effective_rank_joint": [effective_rank(held.joint[place]) for place in PLACES],
    }


def _layers(names: tuple[str, ...], held: Vectors) -> dict[str, float | list[float] | None]:
    if not all(place in held.single for place in TOKENS):
        return {}
    return {
        "cka_layers": [
            _aligned(*(held.single[place][name][held.there[name]] for place in pair.split(" to ")))
            for name in names
            for pair in LAYERS
        ]
    }


def _aligned(x: np.ndarray, y: np.ndarray) -> float:
    import math

    from mmbench.probe.shared.likeness import cka

    return cka(x, y) if len(x) >= LEAST else math.nan


def _pairs(names: tuple[str, ...], held: Vectors) -> dict[str, float | list[float] | None]:
    import numpy as np

    from mmbench.probe.shared.likeness import gap, paired_distance, retrieval, spread

    pairs = list(combinations(names, 2))
    both = {pair: held.there[pair[0]] & held.there[pair[1]] for pair in pairs}

    def at(place: str) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(held.single[place][a][both[a, b]], held.single[place][b][both[a, b]]) for a, b in pairs]

    found: dict[str, float | list[float] | None] = {"cka_stem": [_aligned(x, y) for x, y in at("stem")]}
    if "last" not in held.single:
        return found
    last, candidates = at("last"), min(CANDIDATES, *(int(there.sum()) for there in both.values()))
    # Drawn, the same for all models, since a split may be in the order of its labels.
    order = [np.random.default_rng(len(x)).permutation(len(x))[:candidates] for x, _ in last]
    among = [(x[rows], y[rows]) for (x, y), rows in zip(last, order, strict=True)]
    return found | {
        "cka_last": [_aligned(x, y) for x, y in last],
        "retrieval_1": [retrieval(x, y, 1) for x, y in among],
        "retrieval_5": [retrieval(x, y, 5) for x, y in among],
        "retrieval_candidates": candidates,
        "modality_gap": [gap(x, y) for x, y in last],
        "paired_distance": [paired_distance(x, y) for x, y in last],
        "modality_spread": [spread(held.single["last"][name][held.there[name]]) for name in names],
    }
