"""Where a model looks: how relevant each token is to its answer, and whether that is where the evidence lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity
from mmbench.schema.relevance import AGREEING, METHODS, RATED, TITLES

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from mmbench.data.batches import Split
    from mmbench.probe.shared.explained import Explained
    from mmbench.schema.relevance_map import SampleMap

DIGITS = 5
"""That are kept: these are means of few ranks, and there are many of them."""
PICTURES = 3
"""Samples whose relevance is kept token by token, by models of the first seed."""


@variant(
    "relevance",
    source="Jain and Wallace 2019, Attention is not Explanation; Sundararajan et al. 2017 (integrated gradients); "
    "Adebayo et al. 2018, Sanity Checks for Saliency Maps; Zhang et al. 2018 (pointing game)",
)
class RelevanceProbe(Probe):
    """Relevance of every token of 24 test samples, the same for all models, by attention weights of the read-outs,
    gradient x input, integrated gradients and occlusion, with a random ranking beside them.

    What is explained is how sure a model is of its own answer: the log-odds of the class. Gradients are taken at tokens
    as the stems embed them; integrated gradients start from the mean embedded token of a place. Occlusion masks tokens,
    as missing ones are. Attention is not defined where a mechanism has no weights that are a distribution, or where the
    read-out looks at tokens that are no modality's own. Plausible: the size of relevance ranks tokens with planted
    evidence above others of the same sample and modality; an unweighted mean over samples, then over modalities that
    have evidence. Sane: with fresh weights the ranking must be another; relevance for the answer of the trained model,
    with its sign, must find no evidence, while sizes find what stands out by itself.
    """

    baselines = False

    quantities: ClassVar[Mapping[str, Quantity]] = {
        **{
            f"plausibility_{name}": Quantity(
                label=f"evidence found by {TITLES[name]}", better="higher", per="level", levels=RATED
            )
            for name in METHODS
        },
        **{
            f"sanity_{name}": Quantity(
                label=f"rank correlation of {TITLES[name]} with those of fresh weights", better="lower"
            )
            for name in METHODS[:-1]
        },
        "attention_agreement": Quantity(
            label="rank correlation of attention weights with the size of relevance",
            better="higher",
            per="level",
            levels=tuple(TITLES[name] for name in AGREEING),
        ),
        "completeness_gap": Quantity(label="what integrated gradients leave unexplained", better="lower", low=0),
        "relevance_maps": Quantity(label="relevance of each token", per="item"),
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.probe.shared.explained import explained, with_fresh_weights
        from mmbench.schema.relevance_map import encode

        found = explained(model, splits, spec, seed)
        none: dict[str, float | list[float] | None] = dict.fromkeys(self.quantities)
        if found is None:
            return none
        evidence = _evidence(found, splits["test"])
        fresh = with_fresh_weights(model, found, spec, seed)
        values = none | {"completeness_gap": found.gap if math.isfinite(found.gap) else None}
        for name in found.found:
            values[f"plausibility_{name}"] = _plausibility(name, found, fresh, evidence)
        for name in METHODS[:-1]:
            values[f"sanity_{name}"] = _correlation(found, name, fresh, name)
        agree = [_correlation(found, "attention", found, name) for name in AGREEING]
        values["attention_agreement"] = [x for x in agree if x is not None] if None not in agree else None
        if seed == 0:
            values["relevance_maps"] = encode(_maps(found, evidence))
        return values


def _evidence(found: Explained, test: Split) -> dict[str, np.ndarray]:
    """(n, L) bool of the modalities whose evidence is known, token by token."""
    kept = {}
    for name, mask in found.x.mask.items():
        known = test.evidence.get(name)
        if known is not None and known.shape[1] == mask.shape[1]:
            kept[name] = known[found.index.to(known.device)].cpu().numpy()
    return kept


def _plausibility(
    method: str, found: Explained, fresh: Explained, evidence: Mapping[str, np.ndarray]
) -> list[float] | None:
    """In the order of RATED; None where nothing can be found, or a method is not defined for both models."""
    import numpy as np

    from mmbench.probe.shared import localisation as local

    if method not in fresh.found:
        return None
    rows = []
    for name, planted in evidence.items():
        real, few = found.x.mask[name].cpu().numpy(), planted[: len(fresh.index)]
        if not local.rated(real, planted).any() or not local.rated(real[: len(few)], few).any():
            continue
        r, other = (x.found[method][name].cpu().numpy() for x in (found, fresh))
        measured = [f(np.abs(r), real, planted) for f in (local.auroc, local.average_precision, local.pointing_game)]
        measured += [local.auroc(r, real, planted)]
        measured += [local.auroc(x, real[: len(few)], few) for x in (np.abs(other), other)]
        rows.append([float(np.nanmean(x)) for x in measured])
    return [round(float(x), DIGITS) for x in np.mean(rows, 0)] if rows else None


def _correlation(found: Explained, method: str, other: Explained, by: str) -> float | None:
    """Spearman's, of the sizes of relevance by a method and that by another, or of another model; a mean over samples,
    then over modalities. None where a method is not defined, or all tokens are tied."""
    import numpy as np

    from mmbench.probe.shared.localisation import rank_correlation

    if method not in found.found or by not in other.found:
        return None
    means = []
    for name, mask in found.x.mask.items():
        n = min(len(found.index), len(other.index))
        one, two = (x.found[k][name][:n].abs().cpu().numpy() for x, k in ((found, method), (other, by)))
        x = rank_correlation(one, two, mask[:n].cpu().numpy())
        if not np.isnan(x).all():
            means.append(float(np.nanmean(x)))
    return round(float(np.mean(means)), DIGITS) if means else None


def _maps(found: Explained, evidence: Mapping[str, np.ndarray]) -> list[SampleMap]:
    """Of the samples that have evidence in the most modalities."""
    import torch

    from mmbench.schema.relevance_map import ModalityMap, SampleMap

    marked = torch.zeros(len(found.index))
    for planted in evidence.values():
        marked += torch.from_numpy(planted.any(1)).float()
    right = found.answer.right(found.labels)
    made = []
    for i in sorted(marked.argsort(descending=True, stable=True)[:PICTURES].tolist()):
        largest = {
            name: max(float(r[m][i].abs().max()) for m in r) or 1.0
            for name, r in found.found.items()
            if name != "random"
        }
        parts = tuple(
            ModalityMap(
                there=tuple(mask[i].tolist()),
                evidence=tuple(evidence[m][i].tolist()) if m in evidence else None,
                relevance={name: tuple((found.found[name][m][i] / x).tolist()) for name, x in largest.items()},
            )
            for m, mask in found.x.mask.items()
        )
        made.append(
            SampleMap(index=int(found.index[i]), right=None if right is None else bool(right[i]), modalities=parts)
        )
    return made
