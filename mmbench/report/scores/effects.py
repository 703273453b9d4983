"""How much each axis matters: marginal means, and the variance explained by each factor and interaction (Type II)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from mmbench.registry import GRID_AXES
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.values.effects import Effects, EffectTable, LevelMean, PairMean
from mmbench.report.values.methods import POOLING
from mmbench.report.values.words import count, listing, percent
from mmbench.stats.estimates import Estimate
from mmbench.stats.paired import Floats
from mmbench.stats.variance import DATASET, NOISE, REST, Term, variance_terms


def _combine(parts: Sequence[Estimate]) -> Estimate:
    """The mean of independent estimates, one a data set."""
    halves = [e.half for e in parts]
    known = [h for h in halves if h is not None]
    half = float(np.sqrt(np.sum(np.square(known)))) / len(parts) if len(known) == len(parts) else None
    return Estimate(mean=float(np.mean([e.mean for e in parts])), half=half, n=min(e.n for e in parts))


Cells = dict[tuple[str, str, str], str]
"""Levels of the three factors -> key of the ranked cell."""


def _cells(field: DatasetScores) -> Cells:
    methods = ((k, field.methods[k]) for k in field.ranked("cell"))
    return {(str(m.attention), str(m.fusion), str(m.architecture)): k for k, m in methods}


def _levels(cells: Sequence[tuple[str, str, str]], levels: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The levels that occur, in display order."""
    return {f: [lv for lv in levels[f] if any(c[i] == lv for c in cells)] for i, f in enumerate(GRID_AXES)}


def _contexts(cells: Sequence[tuple[str, str, str]], axes: Sequence[int], wanted: int) -> dict[tuple[str, ...], None]:
    """Settings of the other factors that are there with every one of the `wanted` levels of these axes."""
    seen: dict[tuple[str, ...], int] = {}
    for cell in cells:
        rest = tuple(lv for i, lv in enumerate(cell) if i not in axes)
        seen[rest] = seen.get(rest, 0) + 1
    return dict.fromkeys(rest for rest, n in seen.items() if n == wanted)


def _average(field: DatasetScores, keys: Sequence[str]) -> Estimate:
    """The mean over methods, as it reads."""
    found = field.paired_means.average([field.index[k] for k in keys])
    return replace(found, mean=field.settings.scale.oriented(found.mean))


def _means(fields: Sequence[DatasetScores], common: Cells, levels: dict[str, list[str]]) -> tuple[LevelMean, ...]:
    made = []
    for i, factor in enumerate(GRID_AXES):
        kept = _contexts(list(common), [i], len(levels[factor]))
        for lv in levels[factor]:
            keys = [k for c, k in common.items() if c[i] == lv and tuple(x for j, x in enumerate(c) if j != i) in kept]
            if keys and len(levels[factor]) > 1:
                parts = [_average(field, keys) for field in fields]
                made.append(LevelMean(factor=factor, level=lv, score=_combine(parts), contexts=len(keys)))
    return tuple(made)


def _pairs(fields: Sequence[DatasetScores], common: Cells, levels: dict[str, list[str]]) -> tuple[PairMean, ...]:
    made = []
    for i, j in combinations(range(3), 2):
        first, second = GRID_AXES[i], GRID_AXES[j]
        if len(levels[first]) < 2 or len(levels[second]) < 2:
            continue
        (rest,) = {0, 1, 2} - {i, j}
        kept = _contexts(list(common), [i, j], len(levels[first]) * len(levels[second]))
        chosen: dict[tuple[str, str], list[str]] = {}
        for c, k in common.items():
            if (c[rest],) in kept:
                chosen.setdefault((c[i], c[j]), []).append(k)
        for pair in product(levels[first], levels[second]):
            if pair in chosen:
                parts = [_average(field, chosen[pair]) for field in fields]
                made.append(PairMean(factors=(first, second), levels=pair, score=_combine(parts)))
    return tuple(made)


def _split(terms: Sequence[Term], means: Sequence[LevelMean]) -> tuple[tuple[str, float], ...]:
    """Pooling is a level of the attention axis and no attention: whether there is any, and which, are two questions.
    The share of each; empty where there are not both."""
    share = next((t.share for t in terms if t.factors == ("attention",)), None)
    own = {m.level: m.score.mean for m in means if m.factor == "attention"}
    none = own.pop(POOLING, None)
    if share is None or none is None or len(own) < 2:
        return ()
    values = [none, *own.values()]
    middle, others = sum(values) / len(values), sum(own.values()) / len(own)
    whole = sum((v - middle) ** 2 for v in values)
    having = len(own) / len(values) * (none - others) ** 2 / whole if whole > 0 else 0.0
    return ("having attention", having * share), ("which attention", (1 - having) * share)


def _parts(terms: Sequence[Term], split: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """What the axes explain, most first."""
    mains = [t for t in terms if len(t.factors) == 1 and t.factors not in (NOISE, REST)]
    whole = [(t.label, t.share) for t in mains if not split or t.label != "attention"]
    return sorted([*split, *whole], key=lambda part: -part[1])


CHANCE = 0.05
"""The p of an F test from which on a term may be noise alone."""


def _finding(terms: Sequence[Term], split: Sequence[tuple[str, float]]) -> str:
    mains = _parts(terms, split)
    mixed = [t for t in terms if len(t.factors) > 1 or t.factors == REST]
    if not mains:
        return "Nothing to compare yet"
    rank = ", then ".join(f"{label} ({percent(share)})" for label, share in mains)
    between = f"; interactions {percent(sum(t.share for t in mixed))}" if mixed else ""
    noise = next((t.share for t in terms if t.factors == NOISE), None)
    if noise is None:
        # Noise swells every share, and most of all that of the axis with the most levels.
        return f"One seed does not decide what matters most: of the variance, noise included, {rank}{between}"
    if all(t.p is not None and t.p >= CHANCE for t in terms if t.factors not in (NOISE, REST)):
        return f"No axis stands out from seed noise: of the variance, {rank}{between}; seed noise {percent(noise)}"
    # Of the variance, not of the score: an axis whose levels are all equal within the margin can explain most of it.
    return f"What explains the variance: {rank}{between}; seed noise {percent(noise)}"


def level_means(field: DatasetScores, levels: Mapping[str, Sequence[str]]) -> tuple[LevelMean, ...]:
    """Marginal means on one data set."""
    cells = _cells(field)
    return _means([field], cells, _levels(list(cells), levels)) if cells else ()


def _table(
    fields: Sequence[DatasetScores], levels: Mapping[str, Sequence[str]], declared: Sequence[str], dataset: str | None
) -> EffectTable:
    per_field = [_cells(field) for field in fields]
    common = {c: k for c, k in per_field[0].items() if all(c in other for other in per_field[1:])}
    lost = [k for k in declared if k not in set(common.values())]
    why = f"not complete{'' if dataset else ' on every data set'}"
    dropped: tuple[str, ...] = ()
    if lost:
        dropped = (f"left out, {why}: {listing(lost)}", "the three-way interaction, which needs the complete grid")
    seeds = [s for s in fields[0].seeds if all(s in field.seeds for field in fields)]
    if len(common) < 2 or not seeds:
        return EffectTable(
            dataset=dataset,
            scale=fields[0].settings.scale,
            means=(),
            pairs=(),
            terms=(),
            noise_share=None,
            finding="Nothing to compare yet",
            dropped=dropped,
        )
    present = _levels(list(common), levels)
    scores: list[Floats] = []
    table: dict[str, list[str]] = {f: [] for f in (*GRID_AXES, DATASET)}
    for field in fields:
        columns = [field.seeds.index(s) for s in seeds]
        scores.append(field.values[np.ix_([field.index[k] for k in common.values()], columns)])
        for cell in common:
            for factor, lv in zip((*GRID_AXES, DATASET), (*cell, field.dataset), strict=True):
                table[factor].append(lv)
    terms: list[tuple[str, ...]] = [*((f,) for f in GRID_AXES), *combinations(GRID_AXES, 2), GRID_AXES]
    if dataset is None:
        terms = [(DATASET,), *terms, *((f, DATASET) for f in GRID_AXES)]
    found = variance_terms(
        {f: tuple(v) for f, v in table.items()},
        np.concatenate(scores),
        terms,
        DATASET if dataset is None else None,
    )
    noise = next((t.share for t in found if t.factors == NOISE), None)
    means = _means(fields, common, present)
    split = _split(found, means)
    return EffectTable(
        dataset=dataset,
        scale=fields[0].settings.scale,
        means=means,
        pairs=_pairs(fields, common, present),
        terms=found,
        noise_share=noise,
        finding=_finding(found, split),
        dropped=dropped,
        split=split,
    )


def _winner(tops: Mapping[str, Sequence[str]]) -> tuple[bool | None, str]:
    """Whether every cell is worse than the best on some data set."""
    known = {name: set(top) for name, top in tops.items() if top}
    if len(known) < 2:
        return (
            None,
            "With fewer than two data sets, nothing can be said about whether the winner changes with the data set.",
        )
    shared = [k for k in next(iter(tops[n] for n in known)) if all(k in top for top in known.values())]
    if not shared:
        text = "The winner changes with the data set: each combination is worse than the best on at least one of the"
        return True, f"{text} {len(known)}."
    if all(len(top) == 1 for top in known.values()):
        return False, f"The winner does not change with the data set: {shared[0]} is best on each of them."
    who = listing(shared) if len(shared) <= 2 else count(len(shared), "combination")
    return False, (
        f"The winner may be the same on all {len(known)} data sets: {who} "
        f"{'is' if len(shared) == 1 else 'are'} not worse than the best on any of them."
    )


def effects(
    fields: Sequence[DatasetScores],
    levels: Mapping[str, Sequence[str]],
    tops: Mapping[str, Sequence[str]],
    *,
    by_rank: bool = False,
) -> Effects:
    """levels: factor -> levels in display order. tops: data set -> the cells that are not worse than its best.
    by_rank: over all data sets ranks are compared, since their scores cannot be."""
    declared = {f.dataset: [k for k, m in f.methods.items() if m.role == "cell"] for f in fields}
    with_cells = [f for f in fields if f.ranked("cell")]
    everywhere = list(dict.fromkeys(k for keys in declared.values() for k in keys))
    changes, text = _winner(tops)
    together = with_cells
    if by_rank:
        shared = [k for k in everywhere if all(k in f.index for f in with_cells)]
        together = [f.ranks(shared) for f in with_cells]
    return Effects(
        per_dataset=tuple(_table([f], levels, declared[f.dataset], f.dataset) for f in with_cells),
        blocked=_table(together, levels, everywhere, None) if len(with_cells) > 1 else None,
        winner_changes=changes,
        winner_sentence=text,
    )


def by_score(factor: str, levels: Sequence[str], found: Effects) -> tuple[str, ...]:
    """Levels, best first by marginal mean over all data sets; those without a mean last, in the order given."""
    tables = [found.blocked] if found.blocked is not None else list(found.per_dataset)
    means = {m.level: t.scale.oriented(m.score.mean) for t in tables for m in t.means if m.factor == factor}
    return tuple(sorted(levels, key=lambda lv: -means.get(lv, -np.inf)))
