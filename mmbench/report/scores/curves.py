"""Learning curves: the main metric on validation by epoch, per cell and per level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmbench.registry import GRID_AXES
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.trials.frame import Results
from mmbench.report.values.curves import Curve


def _band(curves: Sequence[Sequence[float | None]]) -> tuple[tuple[float | None, ...], ...]:
    """Median and quartiles by epoch, over the runs that reached it."""
    table = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = [np.nan if v is None else v for v in curve]
    if not np.isnan(table).any():
        return tuple(tuple(line) for line in np.percentile(table, (50, 25, 75), axis=0).tolist())
    known = ~np.isnan(table).all(0)
    made = []
    for q in (50, 25, 75):
        values: list[float | None] = [None] * table.shape[1]
        if known.any():
            for epoch, value in zip(np.flatnonzero(known), np.nanpercentile(table[:, known], q, axis=0), strict=True):
                values[epoch] = float(value)
        made.append(tuple(values))
    return tuple(made)


def curves(
    fields: Sequence[DatasetScores], results: Results, levels: Mapping[str, Sequence[str]], main: Mapping[str, str]
) -> Iterator[Curve]:
    """Of every method that has one, then of every level of each factor (over all cells and seeds). main: the metric
    that chooses epochs, by data set."""
    for field in fields:
        name_of = f"validation_{main[field.dataset]}"
        of: dict[tuple[str, str], list[Sequence[float | None]]] = {}
        for key, method in field.methods.items():
            for record in field.records[key]:
                result = results.get(record["trial_id"]) if record["state"] == "done" else None
                curve = result.curves.get(name_of) if result else None
                if not curve:
                    continue
                of.setdefault((method.role, key), []).append(curve)
                if method.role == "cell":
                    for factor in GRID_AXES:
                        of.setdefault((factor, str(getattr(method, factor))), []).append(curve)
        order = [(f, lv) for f in GRID_AXES for lv in levels[f]]
        for kind, name in [*(k for k in of if k not in order), *(k for k in order if k in of)]:
            median, low, high = _band(of[kind, name])
            yield Curve(
                dataset=field.dataset,
                kind=kind,
                name=name,
                runs=len(of[kind, name]),
                median=median,
                low=low,
                high=high,
            )
