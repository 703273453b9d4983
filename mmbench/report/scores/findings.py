"""Headings: the winner, or that there is none. Every sentence is generated."""

from __future__ import annotations

from collections.abc import Sequence

from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.overall import Overall
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, sentence


def _clear(top: int, cells: int) -> bool:
    """Whether a tie group is small enough to speak of winners: at most a quarter of the field."""
    return top <= max(3, cells // 4)


def finding(name: str, best: str | None, top: Sequence[str], cells: int, scale: Scale) -> str:
    """A heading for one data set."""
    if best is None:
        return f"{name}: no complete cell yet"
    if not top:
        return f"{name}: one seed, so nothing can be told apart"
    if len(top) == 1:
        return f"{name}: {best} is best" if cells > 1 else f"{name}: {best} is the only complete cell"
    if _clear(len(top), cells):
        return f"{name}: {best} {_leads(scale)}; {count(len(top) - 1, 'other')} cannot be told apart from it"
    return f"{name}: no clear winner, {len(top)} of {cells} cells cannot be told apart"


def _leads(scale: Scale) -> str:
    return "scores highest" if scale.higher else f"has the lowest {scale.label}"


def headline(
    total: Counts, datasets: Sequence[DatasetReport], overall: Overall | None, winner_changes: bool | None
) -> str:
    """One sentence: the winner and the number of ties, or that there is none."""
    known = [d for d in datasets if d.best]
    if not known:
        return f"No results yet: {total.done} of {count(total.declared, 'trial')} done."
    start = "So far: " if total.pending else ""
    if overall is None or overall.best is None:
        if len(known) == 1:
            d = known[0]
            ranked = sum(r.ranked for r in d.cells)
            text = _winner(str(d.best), d.top, ranked, f"on {d.name}", d.scale)
        else:
            text = f"No clear winner: no cell is complete on all {len(datasets)} data sets."
    elif winner_changes:
        text = f"No clear winner: the best combination differs between the {len(known)} data sets."
    else:
        ranked = sum(r.score is not None for r in overall.rows)
        where = f"over {count(len(overall.datasets), 'data set')}"
        text = _winner(overall.best, overall.top, ranked, where, overall.scale)
    return start + text[:1].lower() + text[1:] if start else sentence(text)


def _winner(best: str, top: Sequence[str], cells: int, where: str, scale: Scale) -> str:
    if not top:
        mean = scale.label if scale.is_ranks else "mean"
        mean = f"{scale.extreme} {mean}"
        return f"No clear winner {where}: with one seed nothing can be told apart ({best} has the {mean})."
    if len(top) == 1:
        return f"{best} is best {where}."
    if _clear(len(top), cells):
        return f"{best} {_leads(scale)} {where}; {count(len(top) - 1, 'other cell')} cannot be told apart from it."
    return f"No clear winner {where}: {len(top)} of {cells} cells cannot be told apart."
