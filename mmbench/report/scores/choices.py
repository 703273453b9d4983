"""What each choice on an axis is worth: its levels against each other, on one data set or on several together.

Over several data sets the estimate is the mean of theirs and its interval combines theirs: it speaks of these data sets
and of no others. docs/decisions/0042-the-first-screen.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from typing import Literal

from scipy import stats as scipy_stats

from mmbench.report.scores.contrasts import adjust, match_pairs, turned
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.report.values.methods import POOLING
from mmbench.stats.estimates import AtBudget, Difference, Verdict
from mmbench.stats.ladder import fades

State = Literal["leads", "prefers", "equal", "differs", "open"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One level against another, all else equal.

    Attributes:
        axis: That they are levels of.
        given: Levels of another axis, to which settings are restricted; empty where they are not.
        found: The difference over all data sets; subject and reference are the levels.
        each: By data set, without those on which no setting has both.
        won, lost, settings: Settings (of all data sets) in which the subject, or the reference, has the higher mean;
            and how many there are.
    """

    axis: str
    given: tuple[str, ...] = ()
    found: Difference
    each: Mapping[str, Difference]
    won: int
    lost: int
    settings: int


@dataclass(frozen=True, kw_only=True)
class AxisChoices:
    """One axis.

    Attributes:
        levels: Best first.
        pairs: Every two levels, the better one as the subject.
        state: leads: the levels of `group` are each better than each other level. prefers: the first level is better
            than those in `beaten`, and no group leads. equal: all are, within the margin. differs: what is better on
            one data set is worse on another. open: none of these.
        group, beaten: As the state says; empty for other states.
        fading: The greatest difference that makes a level lead and does not last with longer training.
        by_dataset: Where it differs: data set -> its first level.
    """

    axis: str
    levels: tuple[str, ...]
    pairs: tuple[Choice, ...]
    state: State
    group: tuple[str, ...] = ()
    beaten: tuple[str, ...] = ()
    fading: Difference | None = None
    by_dataset: Mapping[str, str] | None = None

    def pair(self, subject: str, reference: str) -> Choice | None:
        """The choice between these two; None where no setting has both."""
        wanted = {subject, reference}
        return next((c for c in self.pairs if {c.found.subject, c.found.reference} == wanted), None)

    @property
    def shown(self) -> tuple[Choice, ...]:
        """The first level against the next, against pooling and against the last."""
        first, *rest = self.levels
        pooling = [POOLING] if self.axis == "attention" and POOLING in rest else []
        wanted = dict.fromkeys([*rest[:1], *(rest[1:2] if len(rest) == 2 else []), *pooling, *rest[-1:]])
        return tuple(c for level in wanted if (c := self.pair(first, level)) is not None)

    @property
    def largest(self) -> float:
        """Of all differences."""
        return max((abs(c.found.mean) for c in self.pairs), default=0.0)


def combine(each: Mapping[str, Difference], settings: Settings) -> Difference:
    """The mean over data sets of one comparison, with an interval from those of the data sets.

    p is that of a normal distribution with the spread of the intervals, an approximation: without any difference an
    axis of two data sets leads in at most one of twenty (tests/report/test_advice.py).
    """
    found = list(each.values())
    n, first = len(found), found[0]
    if n == 1:
        return first
    mean = sum(d.mean for d in found) / n
    half, near = (joint([getattr(d, name) for d in found]) for name in ("half", "near"))
    usual = float(scipy_stats.norm.ppf((1 + settings.confidence) / 2))
    p = None
    if half is not None:
        p = float(2 * scipy_stats.norm.sf(usual * abs(mean) / half)) if half > 0 else float(mean == 0)
    factors = set.intersection(*({at.factor for at in d.budgets} for d in found))
    return replace(
        first,
        mean=mean,
        half=half,
        near=near,
        pairs=sum(d.pairs for d in found),
        n=min(d.n for d in found),
        p=p,
        p_holm=p,
        verdict="open",
        budgets=tuple(_budget(found, factor, settings.rope) for factor in sorted(factors)),
        sampled=joint([d.sampled for d in found]),
    )


def joint(halves: Sequence[float | None]) -> float | None:
    """The half width of a mean of independent estimates, from theirs; None where one has none."""
    known = [h for h in halves if h is not None]
    return sqrt(sum(h * h for h in known)) / len(known) if len(known) == len(halves) else None


def _budget(found: Sequence[Difference], factor: float, margin: float) -> AtBudget:
    at = [next(b for b in d.budgets if b.factor == factor) for d in found]
    half = joint([b.half for b in at])
    assert half is not None
    return AtBudget(factor=factor, mean=sum(b.mean for b in at) / len(at), half=half, margin=margin)


def axis_choices(
    fields: Sequence[DatasetScores],
    axis: str,
    levels: Sequence[str],
    settings: Settings,
    *,
    given: tuple[str, Sequence[str]] | None = None,
) -> AxisChoices | None:
    """What the levels of an axis are worth. given: another axis and the levels of it that count. None where no two
    levels can be compared."""
    pairs = [c for a, b in combinations(levels, 2) if (c := _choice(fields, axis, a, b, settings, given))]
    if not pairs:
        return None
    # Each data set keeps the verdict that it has by itself: Holm over the pairs of the axis there.
    own = {
        f.dataset: iter(adjust([c.each[f.dataset] for c in pairs if f.dataset in c.each], f.settings)) for f in fields
    }
    pairs = [replace(c, each={name: next(own[name]) for name in c.each}) for c in pairs]
    if settings.scale.is_ranks:
        made = [replace(c.found, verdict=_agreed(c.each.values())) for c in pairs]
    elif len(fields) == 1:
        made = [c.each[fields[0].dataset] for c in pairs]
    else:
        made = list(adjust([c.found for c in pairs], settings))
    pairs = [_upright(replace(c, found=d)) for c, d in zip(pairs, made, strict=True)]
    ordered = _ordered(levels, pairs)
    return _judged(axis, ordered, tuple(pairs))


def _choice(
    fields: Sequence[DatasetScores],
    axis: str,
    subject: str,
    reference: str,
    settings: Settings,
    given: tuple[str, Sequence[str]] | None,
) -> Choice | None:
    of = {subject: subject, reference: reference}
    each, won, lost, count = {}, 0, 0, 0
    for field in fields:
        matches = match_pairs(field, axis, of, subject, reference)
        if given is not None:
            matches = [(a, b) for a, b in matches if str(getattr(field.methods[a], given[0])) in given[1]]
        if matches:
            each[field.dataset] = field.group_difference(subject, reference, matches)
            won += sum(field.quality(a) > field.quality(b) for a, b in matches)
            lost += sum(field.quality(a) < field.quality(b) for a, b in matches)
            count += len(matches)
    if not each:
        return None
    return Choice(
        axis=axis,
        given=() if given is None else tuple(given[1]),
        found=combine(each, settings),
        each=each,
        won=won,
        lost=lost,
        settings=count,
    )


def _agreed(verdicts: Iterable[Difference]) -> Verdict:
    """What the data sets say together where their scores cannot be averaged."""
    found = {d.verdict for d in verdicts}
    if len(found) == 1:
        return found.pop()
    if "open" not in found and not {"better", "worse"} <= found:
        return "better" if "better" in found else "worse"
    return "open"


def _upright(choice: Choice) -> Choice:
    """With the better level as the subject."""
    if choice.found.mean >= 0:
        return choice
    return replace(
        choice,
        found=turned(choice.found),
        each={name: turned(d) for name, d in choice.each.items()},
        won=choice.lost,
        lost=choice.won,
    )


def _ordered(levels: Sequence[str], pairs: Iterable[Choice]) -> tuple[str, ...]:
    """Best first, by the mean of their differences to the others; those that nothing compares are left out."""
    sums: dict[str, list[float]] = {}
    for c in pairs:
        sums.setdefault(c.found.subject, []).append(c.found.mean)
        sums.setdefault(c.found.reference, []).append(-c.found.mean)
    known = [level for level in levels if level in sums]
    return tuple(sorted(known, key=lambda level: -sum(sums[level]) / len(sums[level])))


def _judged(axis: str, levels: tuple[str, ...], pairs: tuple[Choice, ...]) -> AxisChoices:
    plain = AxisChoices(axis=axis, levels=levels, pairs=pairs, state="open")

    def beats(subject: str, reference: str) -> bool:
        c = plain.pair(subject, reference)
        return c is not None and c.found.subject == subject and c.found.verdict == "better"

    if conflict := _conflict(levels, pairs):
        return replace(plain, state="differs", by_dataset=conflict)
    for size in range(1, len(levels)):
        group, rest = levels[:size], levels[size:]
        if all(beats(a, b) for a in group for b in rest):
            return replace(plain, state="leads", group=group, beaten=rest, fading=_fading(plain, group, rest))
    beaten = tuple(level for level in levels[1:] if beats(levels[0], level))
    if beaten:
        group = levels[:1]
        return replace(plain, state="prefers", group=group, beaten=beaten, fading=_fading(plain, group, beaten))
    complete = len(pairs) == len(levels) * (len(levels) - 1) // 2
    if complete and all(c.found.verdict == "equal" for c in pairs):
        return replace(plain, state="equal")
    return plain


def _conflict(levels: Sequence[str], pairs: Sequence[Choice]) -> dict[str, str] | None:
    """Data set -> its best level, where two data sets contradict each other; None where none do."""
    contrary = any({"better", "worse"} <= {d.verdict for d in c.each.values()} for c in pairs)
    if not contrary:
        return None
    sums: dict[str, dict[str, float]] = {}
    for c in pairs:
        for name, d in c.each.items():
            own = sums.setdefault(name, dict.fromkeys(levels, 0.0))
            own[c.found.subject] += d.mean
            own[c.found.reference] -= d.mean
    return {name: max(own, key=lambda level: own[level]) for name, own in sums.items()}


def _fading(axis: AxisChoices, group: Sequence[str], rest: Sequence[str]) -> Difference | None:
    """The greatest of the differences that make these levels lead, where none of them lasts."""
    found = [c.found for a in group for b in rest if (c := axis.pair(a, b)) is not None]
    if any(fades(d) is None for d in found):
        return None
    return max(found, key=lambda d: d.mean, default=None)
