"""Tables of calibration: levels, methods, contrasts and the bins of the reliability diagram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from mmbench.report.draw.measured import contrasts_table, levels_table, methods_table
from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.calibration.compute import DatasetCalibration
from mmbench.report.values import titles
from mmbench.report.values.words import number


def tables(d: DatasetCalibration) -> Iterator[Table]:
    """Those of the page first."""
    levels = levels_table(
        f"calibration_levels_{d.name}",
        f"{d.name}: means of levels, log-loss in nats; scaled: at the temperature fitted on validation",
        d.parts,
    )
    if levels is not None:
        yield levels
    yield _methods(d)
    contrasts = contrasts_table(
        f"calibration_contrasts_{d.name}",
        f"{d.name}: differences between levels, all else equal, + better",
        [p for p in d.parts if p.number.name in ("log_loss", "brier", "augrc")],
    )
    if contrasts is not None:
        yield contrasts
    if d.shown:
        yield _bins(d)


def _methods(d: DatasetCalibration) -> Table:
    """With the fitted temperature, which has no better direction."""
    caption = f"{d.name}: methods in the order of their rank by score, log-loss in nats"
    table = methods_table(f"calibration_methods_{d.name}", caption, d.parts)
    keys = [str(key) for key in table.raw["method"]]
    means = [d.temperatures[key].mean if key in d.temperatures else None for key in keys]
    shown = ["–" if t is None else f"{t:.2f}" for t in means[: len(table.shown)]]
    return replace(
        table,
        raw=table.raw.assign(temperature=pd.Series(means, dtype=float)),
        shown=table.shown.assign(temperature=shown),
        numeric=(*table.numeric, "temperature"),
    )


def _bins(d: DatasetCalibration) -> Table:
    rows = [
        (r, when, i, b)
        for r in d.shown
        for when, bins in (("as trained", r.before), ("scaled", r.after))
        for i, b in enumerate(bins)
    ]
    columns: list[Column] = [
        ("method", lambda x: titles.titled(x[0].key), False),
        ("temperature", lambda x: x[1], False),
        ("samples", lambda x: f"{x[3].samples:,}", True),
        ("confidence", lambda x: number(x[3].confidence), True),
        ("right", lambda x: number(x[3].accuracy), True),
    ]
    raw = (
        {
            "dataset": d.name,
            "method": r.key,
            "temperature": when,
            "samples": b.samples,
            "confidence": b.confidence,
            "accuracy": b.accuracy,
        }
        for r, when, _, b in rows
    )
    return build(f"reliability_{d.name}", f"{d.name}: bins of the reliability diagram, all seeds", rows, raw, columns)
