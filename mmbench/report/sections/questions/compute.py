"""The source article's questions, answered by paired differences: all but one thing the same, seed included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import stats as scipy_stats

from mmbench.report.scores.dataset_scores import POOLING, Field, Settings, best_single
from mmbench.report.stats import paired
from mmbench.report.values.analysis import Difference, Question
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, gain, listing, sentence

FACTORS = ("attention", "fusion", "architecture")


def matched(field: Field, factor: str, of: Mapping[str, str], subject: str, reference: str) -> list[tuple[str, str]]:
    """Pairs of ranked cells that differ in `factor` alone: in the one it is `subject`, in the other `reference`.

    of: level -> what it counts as (a fusion as its family); where several levels count as one, every combination pairs.
    """
    others = [f for f in FACTORS if f != factor]
    sides: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
    for key in field.ranked("cell"):
        method = field.methods[key]
        context = tuple(str(getattr(method, f)) for f in others)
        kind = of.get(str(getattr(method, factor)))
        if kind in (subject, reference):
            sides.setdefault(context, ([], []))[kind != subject].append(key)
    return [(a, b) for left, right in sides.values() for a in left for b in right]


def _adjust(differences: Iterable[Difference], settings: Settings) -> tuple[Difference, ...]:
    """The same differences with Holm's p over them and the verdict that follows."""
    made = list(differences)
    adjusted = iter(paired.holm([d.p for d in made if d.p is not None]).tolist())
    result = []
    for d in made:
        p = None if d.p is None else next(adjusted)
        verdict = paired.verdict(d.mean, d.half, p, settings.confidence, settings.rope)
        result.append(replace(d, p_holm=p, verdict=verdict))
    return tuple(result)


def across(per_dataset: Mapping[str, Sequence[Difference]], settings: Settings) -> tuple[Difference, ...]:
    """Each comparison over data sets: Student t with the data set as the unit of replication."""
    by_pair: dict[tuple[str, str], list[float]] = {}
    for differences in per_dataset.values():
        for d in differences:
            by_pair.setdefault((d.subject, d.reference), []).append(d.mean)
    made = []
    for (subject, reference), values in by_pair.items():
        average = paired.estimate(values, settings.confidence)
        assert average is not None
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        p = None
        if spread is not None:
            t = abs(average.mean) / (spread / np.sqrt(len(values))) if spread > 0 else np.inf * (average.mean != 0)
            p = float(2 * scipy_stats.t.sf(np.nan_to_num(t, posinf=np.inf), len(values) - 1))
        made.append(
            Difference(
                subject=subject,
                reference=reference,
                mean=average.mean,
                half=average.half,
                pairs=len(values),
                n=len(values),
                p=p,
                p_holm=p,
                verdict="unclear",
            )
        )
    return _adjust(made, settings)


def _verdicts(per_dataset: Mapping[str, Sequence[Difference]], subject: str, reference: str) -> dict[str, Difference]:
    return {
        name: d
        for name, differences in per_dataset.items()
        for d in differences
        if (d.subject, d.reference) == (subject, reference)
    }


ONE_SEED = "One seed cannot tell"


def _testable(per_dataset: Mapping[str, Sequence[Difference]]) -> bool:
    """Whether any comparison has a replicate to judge it by."""
    return any(d.p is not None for differences in per_dataset.values() for d in differences)


def _tally(found: Mapping[str, Difference]) -> str:
    """`better on 2 of 3 data sets, worse on 1`."""
    n = len(found)
    words = {"better": "better", "worse": "worse", "equal": "equal", "unclear": "cannot be told apart"}
    parts: list[str] = []
    for verdict, word in words.items():
        hits = sum(d.verdict == verdict for d in found.values())
        if hits:
            parts.append(f"{word} on {hits}" + ("" if parts else f" of {count(n, 'data set')}"))
    return ", ".join(parts)


def _sentences(
    per_dataset: Mapping[str, Sequence[Difference]],
    overall: Sequence[Difference],
    name: Mapping[str, str],
    scales: Mapping[str, Scale],
) -> tuple[str, ...]:
    """One a comparison, over all data sets."""
    made = []
    for d in overall:
        found = _verdicts(per_dataset, d.subject, d.reference)
        left, right = name.get(d.subject, d.subject), name.get(d.reference, d.reference)
        detail = "; ".join(f"{dataset} {gain(x, scales[dataset])}" for dataset, x in found.items())
        made.append(sentence(f"{left} against {right}: {_tally(found)} ({detail})."))
    return tuple(made)


def _ladder(differences: Iterable[Difference], first: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Differences to one reference in display order: the subjects in `first`, then the others, best first."""
    return tuple(
        sorted(differences, key=lambda d: (first.index(d.subject) if d.subject in first else len(first), -d.mean))
    )


def _best_first(fields: Sequence[Field], factor: str, of: Mapping[str, str]) -> list[str]:
    """The kinds of level by the mean of their ranked cells, so that most differences between them are gains."""
    values: dict[str, list[float]] = {kind: [] for kind in of.values()}
    for field in fields:
        for key in field.ranked("cell"):
            values[of[str(getattr(field.methods[key], factor))]].append(float(field.means.mean[field.index[key]]))
    return sorted(values, key=lambda kind: -float(np.mean(values[kind])) if values[kind] else 0.0)


def _compare_levels(
    fields: Sequence[Field], factor: str, of: Mapping[str, str], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[Difference, ...]], tuple[str, ...]]:
    per_dataset, dropped = {}, []
    for field in fields:
        made = []
        for subject, reference in pairs:
            matches = matched(field, factor, of, subject, reference)
            if matches:
                made.append(field.group_difference(subject, reference, matches))
            else:
                dropped.append(f"{field.dataset}: no pair of {subject} and {reference} is complete")
        if made:
            per_dataset[field.dataset] = _adjust(made, field.settings)
    return per_dataset, tuple(dropped)


def _winner(per_dataset: Mapping[str, Sequence[Difference]], levels: Sequence[str], title: str) -> str:
    """A heading for pairwise comparisons: which level beats all others, and on how many data sets."""
    wins: dict[str, list[str]] = {}
    tied = []
    for dataset, differences in per_dataset.items():
        beaten = dict.fromkeys(levels, 0)
        for d in differences:
            if d.verdict in ("better", "worse"):
                beaten[d.subject if d.verdict == "better" else d.reference] += 1
        present = {x for d in differences for x in (d.subject, d.reference)}
        first = [lv for lv in levels if lv in present and beaten[lv] == len(present) - 1 > 0]
        if first:
            wins.setdefault(first[0], []).append(dataset)
        else:
            tied.append(dataset)
    if not per_dataset:
        return f"No answer yet on {title}"
    if not _testable(per_dataset):
        return f"{ONE_SEED} which {title} is best"
    if not wins:
        return f"Which {title} is best cannot be told on any data set"
    parts = [f"{lv} on {listing(where)}" for lv, where in wins.items()]
    if len(wins) == 1 and not tied:
        where = "every data set" if len(per_dataset) > 1 else listing(list(per_dataset))
        return sentence(f"{next(iter(wins))} is the best {title} on {where}")
    tail = f"; no single winner on {listing(tied)}" if tied else ""
    return sentence(f"best {title}: {' and '.join(parts)}{tail}")


@dataclass(frozen=True, kw_only=True)
class _Over:
    """What is asked of: every data set on its own scale, and all of them on one. joint: the fields for the latter."""

    fields: Sequence[Field]
    joint: Sequence[Field]
    settings: Settings

    @property
    def scales(self) -> dict[str, Scale]:
        return {f.dataset: f.settings.scale for f in self.fields}


def _attention(over: _Over, levels: Sequence[str]) -> Question | None:
    if POOLING not in levels or len(levels) < 2:
        return None
    of = {lv: lv for lv in levels}
    pairs = [(lv, POOLING) for lv in levels if lv != POOLING]
    per_dataset, dropped = _compare_levels(over.fields, "attention", of, pairs)
    per_dataset = {n: _ladder(ds) for n, ds in per_dataset.items()}
    better = {n: [d for d in ds if d.verdict == "better"] for n, ds in per_dataset.items()}
    worse = [n for n, ds in per_dataset.items() if any(d.verdict == "worse" for d in ds)]
    winners = [n for n, ds in better.items() if ds]
    if not per_dataset:
        finding = "Attention against pooling: no answer yet"
    elif not _testable(per_dataset):
        finding = f"{ONE_SEED} whether attention beats pooling"
    elif not winners:
        told = [d for ds in per_dataset.values() for d in ds if d.verdict != "unclear"]
        finding = "No attention beats pooling" if told else "Whether attention beats pooling cannot be told"
        finding += f"; pooling wins on {listing(worse)}" if worse else ""
    else:
        where = "every data set" if len(winners) == len(per_dataset) > 1 else listing(winners)
        finding = f"Attention beats pooling on {where}"
        scale = over.settings.scale
        if not scale.is_ranks:
            most = max(d.mean for ds in better.values() for d in ds)
            size = f"{scale.change(most)} points" if scale.unit else f"{scale.width(most)} of {scale.label}"
            finding += f", by up to {size}"
        if worse:
            finding += f"; on {listing(worse)} some mechanism is worse than pooling"
    overall = _ladder(across(_compare_levels(over.joint, "attention", of, pairs)[0], over.settings))
    return Question(
        name="attention",
        title="Does attention beat pooling?",
        finding=finding,
        sentences=_sentences(per_dataset, overall, {POOLING: "pooling"}, over.scales),
        per_dataset=per_dataset,
        overall=overall,
        scales=over.scales,
        scale=over.settings.scale,
        dropped=dropped,
    )


def _pairwise(over: _Over, factor: str, of: Mapping[str, str], title: str, word: str) -> Question | None:
    kinds = _best_first(over.joint, factor, of)
    if len(kinds) < 2:
        return None
    pairs = list(combinations(kinds, 2))
    per_dataset, dropped = _compare_levels(over.fields, factor, of, pairs)
    overall = across(_compare_levels(over.joint, factor, of, pairs)[0], over.settings)
    return Question(
        name=factor,
        title=title,
        finding=_winner(per_dataset, kinds, word),
        sentences=_sentences(per_dataset, overall, {}, over.scales),
        per_dataset=per_dataset,
        overall=overall,
        scales=over.scales,
        scale=over.settings.scale,
        dropped=dropped,
    )


BEST_CELL, ALL_CELLS, SINGLE = "best cell", "all cells", "best single modality"


def _against_single(
    fields: Sequence[Field], best: Mapping[str, str | None], singles: Mapping[str, str | None], fusions: Sequence[str]
) -> tuple[dict[str, tuple[Difference, ...]], list[str]]:
    """By data set: the best cell, all cells and each fusion against the single modality; what could not be paired."""
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
        made = []
        winner = best[field.dataset]
        if winner is not None:
            made.append(replace(field.difference(winner, single), subject=BEST_CELL, reference=SINGLE))
        if pairs:
            made.append(field.group_difference(ALL_CELLS, SINGLE, pairs))
        for fusion in fusions:
            some = [(a, b) for a, b in pairs if field.methods[a].fusion == fusion]
            if some:
                made.append(field.group_difference(fusion, SINGLE, some))
            else:
                dropped.append(f"{field.dataset}: no complete cell of {fusion} has its single modality")
        if made:
            per_dataset[field.dataset] = _adjust(made, field.settings)
    return per_dataset, dropped


def _multimodal(over: _Over, best: Mapping[str, str | None], fusions: Sequence[str]) -> Question | None:
    """The best cell, all cells and each fusion against the modality that is best alone, under the same attention."""
    singles = {f.dataset: best_single(f) for f in over.fields}
    if not any(f.methods[k].role == "single" for f in over.fields for k in f.methods):
        return None
    first = (BEST_CELL, ALL_CELLS)
    per_dataset, dropped = _against_single(over.fields, best, singles, fusions)
    per_dataset = {n: _ladder(ds, first) for n, ds in per_dataset.items()}
    overall = _ladder(across(_against_single(over.joint, best, singles, fusions)[0], over.settings), first)
    found = _verdicts(per_dataset, BEST_CELL, SINGLE)
    gaining = [n for n, d in found.items() if d.verdict == "better"]
    if not found:
        finding = "Several modalities against one: no answer yet"
    elif not _testable(per_dataset):
        finding = f"{ONE_SEED} whether several modalities beat the best one alone"
    elif not gaining:
        told = any(d.verdict != "unclear" for d in found.values())
        finding = (
            "Several modalities are nowhere better than the best one alone"
            if told
            else "Whether several modalities beat the best one alone cannot be told"
        )
    elif len(gaining) == len(found):
        finding = "Several modalities beat the best one alone on " + (
            "every data set" if len(found) > 1 else gaining[0]
        )
    else:
        rest = [n for n in found if n not in gaining]
        finding = f"Several modalities beat the best one alone on {listing(gaining)}, not on {listing(rest)}"
    names = {SINGLE: "the best single modality"}
    which = "; ".join(f"{f.methods[k].modality} on {f.dataset}" for f in over.fields if (k := singles[f.dataset]))
    note = (f"The best single modality is {which}.",) if which else ()
    return Question(
        name="multimodal",
        title="Do several modalities beat the best single one?",
        finding=finding,
        sentences=(*note, *_sentences(per_dataset, overall, names, over.scales)),
        per_dataset=per_dataset,
        overall=overall,
        scales=over.scales,
        scale=over.settings.scale,
        dropped=tuple(dropped),
    )


def questions(
    fields: Sequence[Field],
    best: Mapping[str, str | None],
    levels: Mapping[str, Sequence[str]],
    families: Mapping[str, str],
    settings: Settings,
) -> tuple[Question, ...]:
    """Those that this grid can answer. best: data set -> key of its best cell; families: fusion label -> family.

    settings: over all data sets; where its scale is ranks, differences over data sets are of ranks among all ranked
    methods of each.
    """
    joint = [f.ranks(list(f.index)) for f in fields] if settings.scale.is_ranks else fields
    over = _Over(fields=fields, joint=joint, settings=settings)
    architecture = {lv: lv for lv in levels["architecture"]}
    asked = (
        _attention(over, levels["attention"]),
        _pairwise(over, "fusion", families, "Where should modalities meet?", "kind of fusion"),
        _pairwise(over, "architecture", architecture, "Which weights should modalities share?", "architecture"),
        _multimodal(over, best, levels["fusion"]),
    )
    return tuple(q for q in asked if q is not None)
