"""Contrasts: differences between two levels of an axis, all else the same, seed included.

One estimand, wherever the report speaks of one level against another: the mean over the settings of the other axes that
both levels have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from mmbench.registry import GRID_AXES
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.verdicts import VerdictRecord, record_of
from mmbench.stats import paired
from mmbench.stats.estimates import Difference, Verdict


def match_pairs(
    field: DatasetScores, factor: str, of: Mapping[str, str], subject: str, reference: str
) -> list[tuple[str, str]]:
    """Pairs of ranked cells that differ in `factor` alone: in the one it is `subject`, in the other `reference`.

    of: level -> what it counts as (a fusion as its family); where several levels count as one, every combination pairs.
    """
    return _pairs(_by_kind(field, factor, of), subject, reference)


Kinds = Mapping[str, Mapping[tuple[str, ...], Sequence[tuple[int, str]]]]
"""Kind -> levels of the other axes -> place and key of the ranked cells that have them."""


def _by_kind(field: DatasetScores, factor: str, of: Mapping[str, str]) -> Kinds:
    place = GRID_AXES.index(factor)
    found: dict[str, dict[tuple[str, ...], list[tuple[int, str]]]] = {}
    for i, (key, levels) in enumerate(field.cells):
        kind = of.get(levels[place])
        if kind is not None:
            context = levels[:place] + levels[place + 1 :]
            found.setdefault(kind, {}).setdefault(context, []).append((i, key))
    return found


def _pairs(kinds: Kinds, subject: str, reference: str) -> list[tuple[str, str]]:
    """In the order of the cells that are met first: sums are added in one order, whatever other kinds there are."""
    left, right = kinds.get(subject, {}), kinds.get(reference, {})
    shared = sorted(left.keys() & right.keys(), key=lambda context: min(left[context][0], right[context][0]))
    return [(a, b) for context in shared for _, a in left[context] for _, b in right[context]]


def adjust(differences: Iterable[Difference], settings: Settings) -> tuple[Difference, ...]:
    """The same differences with Holm's p over them and the verdict that follows."""
    made = list(differences)
    adjusted = iter(paired.holm([d.p for d in made if d.p is not None]).tolist())
    result = []
    for d in made:
        p = None if d.p is None else next(adjusted)
        verdict = settings.verdict(d.mean, d.near, p)
        result.append(replace(d, p_holm=p, verdict=verdict))
    return tuple(result)


def compare_levels(
    fields: Sequence[DatasetScores], factor: str, of: Mapping[str, str], pairs: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[Difference, ...]], tuple[str, ...]]:
    per_dataset, dropped = {}, []
    for field in fields:
        made, kinds = [], _by_kind(field, factor, of)
        for subject, reference in pairs:
            matches = _pairs(kinds, subject, reference)
            if matches:
                made.append(field.group_difference(subject, reference, matches))
            else:
                dropped.append(f"{field.dataset}: no pair of {subject} and {reference} is complete")
        if made:
            per_dataset[field.dataset] = adjust(made, field.settings)
    return per_dataset, tuple(dropped)


def contrasts(field: DatasetScores, levels: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Difference]]:
    """Every two levels of every axis, by axis; Holm within an axis. levels: of each axis, in the plan's order. Of two
    levels the one with the better mean is the subject."""
    for axis, names in levels.items():
        of = {name: name for name in names}
        made, _ = compare_levels([field], axis, of, list(combinations(names, 2)))
        for d in made.get(field.dataset, ()):
            yield axis, d if d.mean >= 0 else turned(d)


_TURNED: Mapping[Verdict, Verdict] = {"better": "worse", "worse": "better", "equal": "equal", "open": "open"}


def turned(d: Difference) -> Difference:
    """The same comparison from the other side."""
    return replace(
        d,
        subject=d.reference,
        reference=d.subject,
        mean=-d.mean,
        verdict=_TURNED[d.verdict],
        budgets=tuple(replace(at, mean=-at.mean) for at in d.budgets),
    )


def decided_at(d: Difference, rope: float) -> int | None:
    """About how many seeds would decide a difference that is open and stays as it is; None where that is not known."""
    if d.verdict != "open" or d.half is None or d.near is None:
        return None
    found = paired.seeds_to_decide(d.mean, d.half, d.near, rope, d.n)
    # Clear by itself and open only among all comparisons: how many seeds that takes is not known.
    return found if found > d.n else None


def verdict_records(
    fields: Sequence[DatasetScores], reports: Sequence[DatasetReport], levels: Mapping[str, Sequence[str]]
) -> Iterator[VerdictRecord]:
    """Of every data set: its contrasts, its combinations against the best, and the best against the controls."""
    for field, report in zip(fields, reports, strict=True):
        yield from _of_dataset(field, report, levels)


def _of_dataset(
    field: DatasetScores, report: DatasetReport, levels: Mapping[str, Sequence[str]]
) -> Iterator[VerdictRecord]:
    scale = field.settings.scale
    for axis, d in contrasts(field, levels):
        seeds = decided_at(d, scale.equal_within)
        yield record_of("contrast", field.dataset, scale.metric, scale.equal_within, d, axis=axis, decided_at=seeds)
    for row in report.cells:
        if row.to_best is not None:
            yield record_of(
                "combination",
                field.dataset,
                scale.metric,
                scale.equal_within,
                replace(row.to_best, n=row.score.n if row.score else row.to_best.n),
                axis=None,
                decided_at=row.decided_at,
                simultaneous=True,
            )
    best = next((row for row in report.cells if row.best), None)
    if best is not None:
        for gain in (best.gain_single, best.gain_pooling, *best.gain_baselines.values()):
            if gain is None:
                continue
            margin, seeds = scale.rope, decided_at(gain, scale.rope)
            other = report.row(gain.reference)
            if among := other.method.role == "cell":
                # The same question as among the combinations.
                margin, seeds = scale.equal_within, other.decided_at
                gain = replace(gain, n=other.score.n if other.score else gain.n)
            yield record_of(
                "control",
                field.dataset,
                scale.metric,
                margin,
                gain,
                axis=None,
                decided_at=seeds,
                simultaneous=among,
            )
