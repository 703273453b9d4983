"""What probes measured, compared as scores are: means with intervals, and differences with verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import adjust, compare_levels, contrasts, match_pairs
from mmbench.report.scores.dataset_scores import DatasetScores, Record, Settings, collect
from mmbench.report.scores.effects import level_means
from mmbench.report.values.effects import LevelMean
from mmbench.report.values.methods import POOLING
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate
from mmbench.stats.paired import estimate


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of every trial.

    Attributes:
        name: Of its columns in tables.
        label: For people.
        of: Its value for a row of the frame; None where there is none.
        higher: Whether more is better.
        margin: Differences within it are equal.
        decimals: That are shown.
        low: What it is never below; None: it has no bound. high: what it is never above.
        guess: What a guess has, where that is known.
        neutral: Neither more nor less is better.
    """

    name: str
    label: str
    of: Callable[[Record], float | None]
    higher: bool = True
    margin: float = 0.01
    decimals: int = 3
    low: float | None = None
    high: float | None = None
    guess: float | None = None
    neutral: bool = False

    @property
    def title(self) -> str:
        """With an arrow where one direction is better."""
        return self.label if self.neutral else self.scale.title

    @property
    def scale(self) -> Scale:
        return Scale(
            metric=self.name,
            label=self.label,
            higher=self.higher,
            low=self.low,
            high=self.high,
            unit="",
            rope=self.margin,
            guess=self.guess,
            decimals=self.decimals,
        )


@dataclass(frozen=True, kw_only=True)
class MethodMean:
    """A method's mean over seeds. role: "cell", "single" or "baseline"."""

    key: str
    role: str
    value: Estimate


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One number on one data set.

    Attributes:
        dataset: Its name.
        number: Which.
        methods: In the order of their rank by score, those that have the number.
        levels: Marginal means of the levels of each axis.
        attention: All attentions together against pooling; None where there are not both.
        contrasts: Axis, and a difference between two of its levels, all else equal; the better one is the subject.
    """

    dataset: str
    number: Number
    methods: tuple[MethodMean, ...]
    levels: tuple[LevelMean, ...]
    attention: Difference | None
    contrasts: tuple[tuple[str, Difference], ...]

    def of(self, key: str) -> Estimate | None:
        """The mean of a method."""
        return next((m.value for m in self.methods if m.key == key), None)

    def extremes(self, axis: str) -> tuple[LevelMean, LevelMean] | None:
        """The best and the worst level of an axis; None where it has not two."""
        own = [m for m in self.levels if m.factor == axis]
        if len(own) < 2:
            return None
        turned = self.number.scale.oriented
        ordered = sorted(own, key=lambda m: -turned(m.score.mean))
        return ordered[0], ordered[-1]


def part(record: Record, name: str, index: int) -> float | None:
    """One number of a quantity that is a list."""
    value = record.get(name)
    if value is None or not hasattr(value, "__len__") or index >= len(value):
        return None
    return float(value[index])


def plain(record: Record, name: str) -> float | None:
    """A quantity that is one number."""
    value = record.get(name)
    return None if value is None or hasattr(value, "__len__") else float(value)


def scores_of(context: Context, dataset: str, number: Number) -> DatasetScores | None:
    """The methods of a data set with this number in place of their score; None where none of them has it."""
    records = [{**r, f"test_{number.name}": number.of(r)} for r in context.records[dataset]]
    if all(r[f"test_{number.name}"] is None for r in records):
        return None
    settings = Settings(scale=number.scale, confidence=context.confidence)
    return collect(dataset, records, context.methods, settings, race=context.params.grid.race is not None)


def compare(context: Context, dataset: str, number: Number, *, contrasted: bool = True) -> Compared | None:
    """None where no trial on the data set has the number. contrasted: every two levels are compared."""
    found = scores_of(context, dataset, number)
    if found is None:
        return None
    return Compared(
        dataset=dataset,
        number=number,
        methods=tuple(_methods(context, found, number)),
        levels=level_means(found, context.levels),
        attention=_attention(found, context.levels["attention"]),
        contrasts=tuple(contrasts(found, context.levels)) if found.index and contrasted else (),
    )


def _methods(context: Context, found: DatasetScores, number: Number) -> Iterator[MethodMean]:
    rows = {d.name: d.rows for d in context.datasets}[found.dataset]
    column = f"test_{number.name}"
    for row in rows:
        records = found.records.get(row.key, ())
        values = [r[column] for r in records if r["state"] == "done" and r[column] is not None]
        mean = estimate(values, context.confidence) if values else None
        if mean is not None:
            yield MethodMean(key=row.key, role=row.method.role, value=mean)


def _attention(found: DatasetScores, levels: Sequence[str]) -> Difference | None:
    of = {level: POOLING if level == POOLING else "attention" for level in levels}
    pairs = match_pairs(found, "attention", of, "attention", POOLING)
    if not pairs:
        return None
    (difference,) = adjust([found.group_difference("attention", POOLING, pairs)], found.settings)
    return difference


def families(context: Context, dataset: str, number: Number) -> tuple[Difference, ...]:
    """Every two kinds of fusion, all else equal."""
    found = scores_of(context, dataset, number)
    if found is None:
        return ()
    kinds = list(dict.fromkeys(context.fusion_families.values()))
    pairs = [(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :]]
    made, _ = compare_levels([found], "fusion", context.fusion_families, pairs)
    return made.get(dataset, ())
