"""What to take, as a table for papers."""

from __future__ import annotations

from mmbench.registry import GRID_AXES
from mmbench.report.paper.tabular import Cell, Grid
from mmbench.report.sections.first.record import COSTS, FirstScreen, Pick, Screen
from mmbench.report.values import titles
from mmbench.report.values.words import sentence

HEADS = ["choice", "method", "{}", "to the best", "parameters", "training", "inference"]


def picks_grid(screen: Screen, record: FirstScreen) -> Grid | None:
    """With short names and a line a label, where else it does not fit a page. None where there is nothing to take."""
    if not screen.picks:
        return None
    grids = (_grid(screen, record, short=short) for short in (False, True))
    return next((grid for grid in grids if grid.size is not None), None)


def _grid(screen: Screen, record: FirstScreen, *, short: bool) -> Grid:
    where = screen.name or ("all data sets" if record.context.has_all else record.context.names[0])
    notes = [f"± half width of {100 * record.context.confidence:g} % intervals"] if record.context.replicated else []
    notes += ["differences in points"] if screen.scale.unit == "points" else []
    notes += ["costs in per cent of those of the best combination"]
    named = _abbreviations(screen) if short else []
    return Grid(
        name="picks" if screen.name is None else f"picks-{screen.name}",
        caption=f"What to take on {where}, by what one can afford",
        notes=f"{sentence(', '.join(notes))}. Bold: recommended." + (f" Here {', '.join(named)}." if named else ""),
        heads=[head.format(screen.scale.title if not screen.scale.higher else screen.scale.label) for head in HEADS],
        rows=[row for p in screen.picks for row in _rows(p, screen, short=short)],
        left=(0, 1),
    )


def _abbreviations(screen: Screen) -> list[str]:
    found = {
        titles.level(axis, str(level), short=True): titles.level(axis, str(level))
        for p in screen.picks
        for axis in GRID_AXES[:2]
        if (level := getattr(p.method, axis)) is not None
    }
    return [f"{short} = {title}" for short, title in found.items() if short != title]


def _rows(p: Pick, screen: Screen, *, short: bool) -> list[list[Cell]]:
    scale, loss = screen.scale, p.loss
    half = p.score.half if p.score else None
    lost = None if loss is None else loss.half
    first, *others = [p.labels[0], *(x[:1].lower() + x[1:] for x in p.labels[1:])]
    found = [
        Cell(text=", ".join([first, *([] if short else others)]), bold=p.recommended),
        Cell(text=titles.method(p.method, short=short), bold=p.recommended),
        Cell(text=scale.short(p.score.mean if p.score else None), half="" if half is None else scale.short(half)),
        Cell(text="best" if loss is None else scale.change(loss.mean), half="" if lost is None else scale.width(lost)),
        *(Cell(text=p.share(cost)) for cost in COSTS),
    ]
    below = [[Cell(text=label, bold=p.recommended), *([Cell()] * (len(found) - 1))] for label in others if short]
    return [found, *below]
