"""The best combination of each data set beside what it is measured against, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmbench.report.paper.tabular import Cell, Grid
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.numbers import NONE
from mmbench.report.values.words import listing


def controls(context: Context) -> Grid | None:
    """None where there is no control, or no room for any data set."""
    kept = [d for d in context.datasets if d.best]
    while kept:
        grid = _grid(context, kept)
        if grid is None or grid.size is not None:
            return grid
        kept = kept[:-1]
    return None


def _grid(context: Context, datasets: Sequence[DatasetReport]) -> Grid | None:
    alone, baselines = _by_name(datasets, "modality"), _by_name(datasets, "baseline")
    if not alone and not baselines:
        return None
    best = [Cell(text="best combination"), *(_score(d.row(str(d.best)), d) for d in datasets)]
    rows: list[list[Cell] | None] = [best]
    for found, name in ((alone, "{} alone"), (baselines, "{}")):
        rows += [None] if found else []
        for key, own in found.items():
            title = titles.level("baseline", key, short=True) if found is baselines else key
            cells = (_score(own[d.name], d) if d.name in own else Cell(text=NONE) for d in datasets)
            rows.append([Cell(text=name.format(title)), *cells])
    labels = list(dict.fromkeys(d.scale.title if not d.scale.higher else d.scale.label for d in datasets))
    noise = f", ± half width of {100 * context.confidence:g} % intervals" if context.replicated else ""
    which = "; ".join(f"{d.name}, {titles.method(d.row(str(d.best)).method)}" for d in datasets)
    notes = [
        f"Mean over {context.seeds_told}{noise}; of a modality the attention that is best on test counts. "
        "Bold: the best mean."
    ]
    notes += [f"Best combination: {which}."]
    lost = [d.name for d in context.datasets if d.best and d not in datasets]
    notes += [f"Not shown for want of room: {listing(lost)}."] if lost else []
    what = f"test {labels[0]}" if len(labels) == 1 else "test scores"
    heads = ["", *(d.name if len(labels) == 1 else f"{d.name}\n{d.scale.title}" for d in datasets)]
    return Grid(
        name="controls",
        caption=f"The best combination and its controls: {what}",
        notes=" ".join(notes),
        heads=heads,
        rows=rows,
    )


def _by_name(datasets: Sequence[DatasetReport], what: str) -> Mapping[str, Mapping[str, CellRow]]:
    """Modality or baseline -> data set -> its row; of a modality the best under any attention."""
    found: dict[str, dict[str, CellRow]] = {}
    for d in datasets:
        for row in d.controls:
            name = getattr(row.method, what)
            if name is not None and row.score is not None:
                # Controls are in the order of their score.
                found.setdefault(name, {}).setdefault(d.name, row)
    return found


def _score(row: CellRow, d: DatasetReport) -> Cell:
    """Bold where nothing is better, combination or control."""
    assert row.score is not None
    best = all(d.scale.oriented(row.score.mean) >= d.scale.oriented(r.score.mean) for r in d.rows if r.score)
    half = d.scale.short(row.score.half) if row.score.half is not None else ""
    return Cell(text=d.scale.short(row.score.mean), half=half, bold=best)
