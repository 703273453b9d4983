"""What shorter and longer training changes, on each data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import contrasts, match_pairs
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.scores.ladder import Ladder
from mmbench.report.scores.lasting import Lasting
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import AtBudget, Difference
from mmbench.stats.ladder import lasts


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of an axis. means: factor of the budget (1: the data set's own) -> mean score over the combinations that
    were tried under all of them."""

    axis: str
    level: str
    means: Mapping[float, float]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Between two levels of an axis. found: with what it is under each budget. own: what it is where each combination
    is trained for as long as is best for it on validation; None where not all have been tried."""

    axis: str
    found: Difference
    own: AtBudget | None

    @property
    def views_differ(self) -> bool:
        """Whether equal steps for all and the own best of each give another verdict."""
        return self.own is not None and lasts(self.found, self.own) is False


@dataclass(frozen=True, kw_only=True)
class DatasetLadder:
    """One data set.

    Attributes:
        ladder: What was tried; left_out: factors that were asked for and give no other number of whole epochs.
        steps: Factor -> gradient steps; 1 is the data set's own budget.
        lasting: How many verdicts last; None where none could be looked at again.
        contrasts: Within every axis.
        levels: Of every axis.
        taus: Factor -> Kendall's tau between the order of the combinations there and under the data set's own budget.
    """

    name: str
    scale: Scale
    ladder: Ladder
    left_out: tuple[float, ...]
    steps: Mapping[float, int]
    lasting: Lasting | None
    contrasts: tuple[Contrast, ...]
    levels: tuple[Level, ...]
    taus: Mapping[float, float]


def find_ladders(context: Context) -> tuple[DatasetLadder, ...] | None:
    """Of the data sets that have one; None where none has."""
    fields = {f.dataset: f for f in context.scores}
    found = [_of(context, fields[name], context.ladder[name]) for name in fields if context.ladder[name].epochs]
    return tuple(found) or None


def _of(context: Context, field: DatasetScores, ladder: Ladder) -> DatasetLadder:
    own = next(t for t in context.training if t.dataset == field.dataset)
    steps: dict[float, int] = {}
    if own.steps and own.epochs:
        per_epoch = own.steps // own.epochs
        steps = {1.0: own.steps} | {factor: epochs * per_epoch for factor, epochs in ladder.epochs.items()}
    return DatasetLadder(
        name=field.dataset,
        scale=field.settings.scale,
        ladder=ladder,
        left_out=tuple(factor for factor in context.params.controls.budgets if factor not in ladder.epochs),
        steps=dict(sorted(steps.items())),
        lasting=context.lasting(field.dataset),
        contrasts=tuple(
            Contrast(axis=axis, found=d, own=_own(field, ladder, axis, d))
            for axis, d in contrasts(field, context.levels)
            if d.budgets
        ),
        levels=tuple(_levels(field, context.levels)),
        taus=_taus(field),
    )


def _own(field: DatasetScores, ladder: Ladder, axis: str, d: Difference) -> AtBudget | None:
    """The contrast between combinations that are each at their own best."""
    pairs = match_pairs(field, axis, {d.subject: d.subject, d.reference: d.reference}, d.subject, d.reference)
    if not pairs or any(key not in ladder.own for pair in pairs for key in pair):
        return None
    turned = field.settings.scale.oriented
    mean = float(np.mean([turned(ladder.own[a]) - turned(ladder.own[b]) for a, b in pairs]))
    at = d.budgets[0]
    return AtBudget(factor=np.nan, mean=mean, half=at.half, margin=at.margin)


def _levels(field: DatasetScores, levels: Mapping[str, Sequence[str]]) -> Iterator[Level]:
    cells = field.ranked("cell")
    rows = np.array([field.index[key] for key in cells], np.intp)
    if not field.ladder or not len(rows):
        return
    # The same seeds as of the contrasts, so that the levels differ by what those say.
    columns = dict(sorted({1.0: field.paired_means.mean, **field.ladder}.items()))
    known = ~np.isnan(np.stack([column[rows] for column in columns.values()])).any(0)
    for axis, names in levels.items():
        for level in names:
            own = rows[known & np.array([getattr(field.methods[key], axis) == level for key in cells])]
            if len(own):
                means = {f: field.settings.scale.oriented(float(x[own].mean())) for f, x in columns.items()}
                yield Level(axis=axis, level=level, means=means)


def _taus(field: DatasetScores) -> dict[float, float]:
    rows = np.array([field.index[key] for key in field.ranked("cell")], np.intp)
    found = {}
    for factor, column in field.ladder.items():
        known = rows[~np.isnan(column[rows])]
        if len(known) > 2:
            tau = stats.kendalltau(field.means.mean[known], column[known]).statistic
            found[factor] = float(tau)
    return {factor: tau for factor, tau in found.items() if not np.isnan(tau)}
