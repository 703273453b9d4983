"""What shorter and longer training changes, on each data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mmbench.report.scores.context import Context
from mmbench.report.scores.contrasts import contrasts
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.scores.ladder import Ladder
from mmbench.report.scores.lasting import Lasting
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of an axis. means: factor of the budget (1: the data set's own) -> mean score over the combinations that
    were tried under all of them."""

    axis: str
    level: str
    means: Mapping[float, float]


@dataclass(frozen=True, kw_only=True)
class DatasetLadder:
    """One data set.

    Attributes:
        ladder: What was tried; left_out: factors that were asked for and give no other number of whole epochs.
        steps: Factor -> gradient steps; 1 is the data set's own budget.
        lasting: How many verdicts last; None where none could be looked at again.
        contrasts: (axis, difference) with what it is under each budget.
        levels: Of every axis.
        taus: Factor -> Kendall's tau between the order of the combinations there and under the data set's own budget.
    """

    name: str
    scale: Scale
    ladder: Ladder
    left_out: tuple[float, ...]
    steps: Mapping[float, int]
    lasting: Lasting | None
    contrasts: tuple[tuple[str, Difference], ...]
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
        contrasts=tuple((axis, d) for axis, d in contrasts(field, context.levels) if d.budgets),
        levels=tuple(_levels(field, context.levels)),
        taus=_taus(field),
    )


def _levels(field: DatasetScores, levels: Mapping[str, Sequence[str]]) -> Iterator[Level]:
    cells = field.ranked("cell")
    rows = np.array([field.index[key] for key in cells], np.intp)
    if not field.ladder or not len(rows):
        return
    columns = dict(sorted({1.0: field.means.mean, **field.ladder}.items()))
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
