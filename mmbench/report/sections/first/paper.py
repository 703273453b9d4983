"""What to take, as a table for papers."""

from __future__ import annotations

from mmbench.report.paper.tabular import Cell, Grid
from mmbench.report.sections.first.record import COSTS, FirstScreen, Pick, Screen
from mmbench.report.values import titles

HEADS = ["choice", "method", "{}", "to the best", "parameters", "training", "inference"]


def picks_grid(screen: Screen, record: FirstScreen) -> Grid | None:
    """None where there is nothing to take, or names are too long for a page."""
    if not screen.picks:
        return None
    where = screen.name or ("all data sets" if record.context.has_all else record.context.names[0])
    sure = f"± half width of {100 * record.context.confidence:g} % intervals; " if record.context.replicated else ""
    unit = "differences in points; " if screen.scale.unit == "points" else ""
    grid = Grid(
        name="picks" if screen.name is None else f"picks-{screen.name}",
        caption=f"What to take on {where}, by what one can afford",
        notes=f"{sure}{unit}costs in per cent of those of the best combination. Bold: recommended.",
        heads=[head.format(screen.scale.title if not screen.scale.higher else screen.scale.label) for head in HEADS],
        rows=[_row(p, screen) for p in screen.picks],
        left=(0, 1),
    )
    return grid if grid.size is not None else None


def _row(p: Pick, screen: Screen) -> list[Cell]:
    scale, loss = screen.scale, p.loss
    half = p.score.half if p.score else None
    lost = None if loss is None else loss.half
    return [
        Cell(text=", ".join([p.labels[0], *(x[:1].lower() + x[1:] for x in p.labels[1:])]), bold=p.recommended),
        Cell(text=titles.method(p.method), bold=p.recommended),
        Cell(text=scale.short(p.score.mean if p.score else None), half="" if half is None else scale.short(half)),
        Cell(text="best" if loss is None else scale.change(loss.mean), half="" if lost is None else scale.width(lost)),
        *(Cell(text=p.share(cost)) for cost in COSTS),
    ]
