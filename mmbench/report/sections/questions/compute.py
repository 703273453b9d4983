"""The source article's questions, answered by paired differences: all but one thing the same, seed included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from mmbench.report.scores.contrasts import adjust, compare_levels
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.scores.ranking import best_single
from mmbench.report.sections.questions.differences import (
    ONE_SEED,
    across,
    find_verdicts,
    in_the_end,
    is_testable,
    most_fading,
    name_winner,
    order_best_first,
    rank_kinds,
    sentences_of,
)
from mmbench.report.sections.questions.record import Question
from mmbench.report.values import titles
from mmbench.report.values.methods import POOLING
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import listing
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is asked of: every data set on its own scale, and all of them on one. joint: the fields for the latter."""

    fields: Sequence[DatasetScores]
    joint: Sequence[DatasetScores]
    settings: Settings

    @property
    def scales(self) -> dict[str, Scale]:
        return {f.dataset: f.settings.scale for f in self.fields}


def _attention(over: Scope, levels: Sequence[str]) -> Question | None:
    if POOLING not in levels or len(levels) < 2:
        return None
    of = {lv: lv for lv in levels}
    mechanisms = [lv for lv in levels if lv != POOLING]
    # All pairs of the axis are one family of tests, wherever some of them are shown.
    pairs = [(lv, POOLING) for lv in mechanisms] + list(combinations(mechanisms, 2))
    compared, dropped = compare_levels(over.fields, "attention", of, pairs)
    per_dataset = {n: order_best_first(found) for n, ds in compared.items() if (found := _with_pooling(ds))}
    better = {n: [d for d in ds if d.verdict == "better" and fades(d) is None] for n, ds in per_dataset.items()}
    at_first = {n: d for n, ds in per_dataset.items() if not better[n] and (d := most_fading(ds)) is not None}
    worse = [n for n, ds in per_dataset.items() if any(d.verdict == "worse" for d in ds)]
    winners = [n for n, ds in better.items() if ds]
    if not per_dataset:
        finding = "Whether attention beats pooling: no answer yet"
    elif not is_testable(per_dataset):
        finding = f"{ONE_SEED} whether attention beats pooling"
    elif at_first and not winners:
        finding = f"Attention learns faster than pooling on {listing(list(at_first))}"
        finding += f", {in_the_end(at_first, over.scales)}"
    elif not winners:
        unknown = any(d.verdict == "open" for ds in per_dataset.values() for d in ds)
        finding = "Whether attention beats pooling is open" if unknown else "Pooling does as well as any attention"
        finding += f"; on {listing(worse)} some mechanism is worse than pooling" if worse else ""
    else:
        where = "every data set" if len(winners) == len(per_dataset) > 1 else listing(winners)
        finding = f"Attention beats pooling on {where}"
        scale = over.settings.scale
        if not scale.is_ranks:
            most = max(d.mean for ds in better.values() for d in ds)
            size = f"{scale.change(most)} points" if scale.unit else f"{scale.width(most)} of {scale.label}"
            finding += f", by up to {size}"
        if at_first:
            finding += f"; on {listing(list(at_first))} it learns faster, {in_the_end(at_first, over.scales)}"
        if worse:
            finding += f"; on {listing(worse)} some mechanism is worse than pooling"
    overall = across(compare_levels(over.joint, "attention", of, pairs)[0], over.settings)
    return Question(
        name="attention",
        title="Does attention beat pooling?",
        finding=finding,
        sentences=sentences_of(per_dataset, partial(titles.level, "attention"), over.scales),
        per_dataset=per_dataset,
        overall=order_best_first(_with_pooling(overall)),
        scales=over.scales,
        scale=over.settings.scale,
        dropped=tuple(d for d in dropped if f"and {POOLING} " in d),
    )


def _with_pooling(differences: Sequence[Difference]) -> list[Difference]:
    return [d for d in differences if d.reference == POOLING]


def _pairwise(over: Scope, factor: str, of: Mapping[str, str], title: str, word: str) -> Question | None:
    def name(kind: str) -> str:
        return titles.level(factor, kind) if factor == "fusion" else titles.noun(factor, kind)

    kinds = rank_kinds(over.joint, factor, of)
    if len(kinds) < 2:
        return None
    pairs = list(combinations(kinds, 2))
    per_dataset, dropped = compare_levels(over.fields, factor, of, pairs)
    overall = across(compare_levels(over.joint, factor, of, pairs)[0], over.settings)
    return Question(
        name=factor,
        title=title,
        finding=name_winner(per_dataset, kinds, word, name, partial(titles.level, factor)),
        sentences=sentences_of(per_dataset, partial(titles.level, factor), over.scales),
        per_dataset=per_dataset,
        overall=overall,
        scales=over.scales,
        scale=over.settings.scale,
        dropped=dropped,
    )


BEST_CELL, ALL_CELLS, SINGLE = "best combination", "all combinations", "best single modality"


def _against_single(
    fields: Sequence[DatasetScores],
    best: Mapping[str, Difference | None],
    singles: Mapping[str, str | None],
    fusions: Sequence[str],
) -> tuple[dict[str, tuple[Difference, ...]], list[str]]:
    """By data set: the best cell, all cells and each fusion against the single modality; what could not be paired.
    best: the gain of the best cell over the best single modality, as it is said everywhere."""
    per_dataset: dict[str, tuple[Difference, ...]] = {}
    dropped = []
    for field in fields:
        single = singles[field.dataset]
        alone = [k for k, m in field.methods.items() if m.role == "single"]
        lost = len(alone) - len(field.ranked("single"))
        if lost and alone:
            what = "a modality has no complete trial on its own" if single is None else "one of them could be the best"
            dropped.append(
                f"{field.dataset}: {lost} of {len(alone)} single-modality controls are not complete, and {what}"
            )
        if single is None:
            continue
        modality = field.methods[single].modality
        partner = {
            m.attention: k for k in field.ranked("single") if (m := field.methods[k]).modality == modality
        }  # same modality under each attention
        pairs = [(k, partner[field.methods[k].attention]) for k in field.ranked("cell")
                 if field.methods[k].attention in partner]  # fmt: skip
        made: list[Difference] = []
        gain = best[field.dataset]
        first = [] if gain is None else [replace(gain, subject=BEST_CELL, reference=SINGLE)]
        if pairs:
            made.append(field.group_difference(ALL_CELLS, SINGLE, pairs))
        for fusion in fusions:
            some = [(a, b) for a, b in pairs if field.methods[a].fusion == fusion]
            if some:
                made.append(field.group_difference(fusion, SINGLE, some))
            else:
                dropped.append(f"{field.dataset}: no complete combination of {fusion} has its single modality")
        if first or made:
            # The rest is one family with it; of itself it says what it says everywhere, where it is one of more.
            rest = adjust([*first, *made], field.settings)[len(first) :]
            per_dataset[field.dataset] = (*first, *rest)
    return per_dataset, dropped


def _multimodal_finding(found: Mapping[str, Difference]) -> str:
    """found: data set -> the best cell against the modality that is best alone."""
    gaining = [n for n, d in found.items() if d.verdict == "better" and fades(d) is None]
    unknown = [n for n, d in found.items() if d.verdict == "open"]
    at_first = [n for n, d in found.items() if d.verdict == "better" and n not in gaining]
    rest = [n for n in found if n not in gaining + unknown + at_first]
    if len(unknown) == len(found):
        return "Whether several modalities beat the best one alone is open"
    where = "every data set" if len(gaining) == len(found) > 1 else listing(gaining)
    text = f"Several modalities beat the best one alone on {where}"
    if not gaining:
        text = f"The best modality alone does as well as several{f' on {listing(rest)}' if unknown else ''}"
        text += f"; it is open on {listing(unknown)}" if unknown else ""
        return text + (f"; on {listing(at_first)} they are until training is longer" if at_first else "")
    return (
        text
        + (f", not on {listing(rest)}" if rest else "")
        + (f"; on {listing(at_first)} they do until training is longer" if at_first else "")
        + (f"; on {listing(unknown)} it is open" if unknown else "")
    )


def _multimodal(over: Scope, best: Mapping[str, Difference | None], fusions: Sequence[str]) -> Question | None:
    """The best cell, all cells and each fusion against the modality that is best alone, under the same attention."""
    singles = {f.dataset: best_single(f) for f in over.fields}
    if not any(f.methods[k].role == "single" for f in over.fields for k in f.methods):
        return None
    first = (BEST_CELL, ALL_CELLS)
    per_dataset, dropped = _against_single(over.fields, best, singles, fusions)
    per_dataset = {n: order_best_first(ds, first) for n, ds in per_dataset.items()}
    found = find_verdicts(per_dataset, BEST_CELL, SINGLE)
    if not found:
        finding = "Whether several modalities beat one: no answer yet"
    elif not is_testable(per_dataset):
        finding = f"{ONE_SEED} whether several modalities beat the best one alone"
    else:
        finding = _multimodal_finding(found)

    def name(side: str) -> str:
        return {SINGLE: "the best single modality"}.get(side) or titles.level("fusion", side)

    which = "; ".join(f"{f.methods[k].modality} on {f.dataset}" for f in over.fields if (k := singles[f.dataset]))
    note = (f"The best single modality is {which}.",) if which else ()
    return Question(
        name="multimodal",
        title="Do several modalities beat the best single one?",
        finding=finding,
        sentences=(*note, *sentences_of(per_dataset, name, over.scales)),
        per_dataset=per_dataset,
        overall=(),  # what several modalities gain differs by design from data set to data set: no mean of that
        scales=over.scales,
        scale=over.settings.scale,
        dropped=tuple(dropped),
    )


def questions(
    fields: Sequence[DatasetScores],
    best: Mapping[str, Difference | None],
    levels: Mapping[str, Sequence[str]],
    families: Mapping[str, str],
    settings: Settings,
) -> tuple[Question, ...]:
    """Those that this grid can answer. best: data set -> the gain of its best cell over its best single modality;
    families: fusion label -> family.

    settings: over all data sets; where its scale is ranks, differences over data sets are of ranks among all ranked
    methods of each.
    """
    joint = [f.ranks(list(f.index)) for f in fields] if settings.scale.is_ranks else fields
    over = Scope(fields=fields, joint=joint, settings=settings)
    architecture = {lv: lv for lv in levels["architecture"]}
    asked = (
        _attention(over, levels["attention"]),
        _pairwise(over, "fusion", families, "Where should modalities meet?", "kind of fusion"),
        _pairwise(over, "architecture", architecture, "Which weights should modalities share?", "architecture"),
        _multimodal(over, best, levels["fusion"]),
    )
    return tuple(q for q in asked if q is not None)
