"""What is complete on every data set: the runs that can be ranked and summarised over data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.registry import GRID_AXES
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.values.scale import RANKS, Scale
from mmbench.report.values.words import count, listing
from mmbench.stats.paired import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class CompleteBlock:
    """Cells x seeds that are done on each of the data sets.

    values: (D, C, S), so turned that more is better: scores, or places among these cells where the data sets' scores
    cannot be averaged. levels: (C,) of each factor. scale: of the values. dropped: what was declared and is not among
    them, in words.
    """

    datasets: tuple[str, ...]
    keys: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Floats
    levels: Mapping[str, tuple[str, ...]]
    scale: Scale
    dropped: tuple[str, ...]

    def match_levels(self, factor: str, order: Sequence[str]) -> dict[str, Ints]:
        """Level -> its cells (n,), in the settings of the other factors that every level is there with, in one order
        of settings for all levels. order: of the levels. Empty where fewer than two levels or no such setting."""
        others = [f for f in GRID_AXES if f != factor]
        found: dict[tuple[str, ...], dict[str, int]] = {}
        for i, level in enumerate(self.levels[factor]):
            found.setdefault(tuple(self.levels[f][i] for f in others), {})[level] = i
        present = [level for level in order if level in self.levels[factor]]
        whole = [cells for cells in found.values() if len(cells) == len(present)]
        if len(present) < 2 or not whole:
            return {}
        return {level: np.array([cells[level] for cells in whole], np.intp) for level in present}


def complete_block(fields: Sequence[DatasetScores], scale: Scale) -> CompleteBlock:
    """scale: over all data sets (`mmbench.report.values.scale.joint`)."""
    # Seeds that a race gave to some combinations alone are no hole in what is compared.
    asked = [{r["seed"] for r in f.records[k]} for f in fields for k, m in f.methods.items() if m.role == "cell"]
    declared = sorted(set.intersection(*asked)) if asked else []
    used = [f for f in fields if f.ranked("cell")]
    everywhere = list(dict.fromkeys(k for f in fields for k, m in f.methods.items() if m.role == "cell"))
    keys = [k for k in everywhere if used and all(k in f.index for f in used)]
    seeds = [s for s in declared if used and all(s in f.seeds for f in used)]
    dropped = []
    unused = [f.dataset for f in fields if f not in used]
    if unused:
        dropped.append(
            f"no combination is complete on {listing(unused)}, which {'is' if len(unused) == 1 else 'are'} left out"
        )
    lost = [k for k in everywhere if k not in set(keys)]
    if lost:
        of = f"{len(lost)} of {count(len(everywhere), 'combination')}"
        dropped.append(f"{of} not complete on every data set and left out: {listing(lost)}")
    if used and len(seeds) < len(declared):
        dropped.append(f"{len(seeds)} of {count(len(declared), 'seed')} done by all that is compared")
    parts = [f.ranks(keys) for f in used] if scale.is_ranks and keys else used
    values = [p.values[np.ix_([p.index[k] for k in keys], [p.seeds.index(s) for s in seeds])] for p in parts]
    methods = {k: m for f in used for k, m in f.methods.items()}
    return CompleteBlock(
        datasets=tuple(f.dataset for f in used),
        keys=tuple(keys),
        seeds=tuple(seeds),
        values=np.stack(values) if values else np.empty((0, 0, 0)),
        levels={f: tuple(str(getattr(methods[k], f)) for k in keys) for f in GRID_AXES},
        scale=RANKS if scale.is_ranks else scale,
        dropped=tuple(dropped),
    )
