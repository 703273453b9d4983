"""Attention by fusion and architecture, a table a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from mmbench.report.paper.tabular import Cell, Grid
from mmbench.report.paper.widths import PAGE_ROWS
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.words import count, listing, sentence

AXES = ("attention", "fusion", "architecture")
OPEN = "\\raisebox{.3ex}{\\scriptsize$\\circ$}"

Rows = Mapping[tuple[str, str, str], CellRow]
Levels = Mapping[str, Sequence[str]]


def matrix(context: Context, d: DatasetReport) -> Grid | None:
    """With half widths where they fit a page, else without; where that is too wide, too, with the best levels only.
    None where nothing is scored, or where names are longer than a page is wide."""
    rows: Rows = {tuple(str(getattr(r.method, a)) for a in AXES): r for r in d.cells}  # type: ignore[misc]
    if not any(r.score for r in rows.values()):
        return None
    whole = {f.name: list(f.by_score) for f in context.factors}
    levels = {name: found[:] for name, found in whole.items()}
    while True:
        for halves in (True, False):
            grid = _grid(context, d, rows, levels, whole, halves=halves)
            if grid.size is not None:
                return grid
        if not _shrink(levels, d):
            return None


def _shrink(levels: dict[str, list[str]], d: DatasetReport) -> bool:
    """One level less of what takes most room: of rows where they are too many, else of fusions while there are more of
    them than architectures. A level of the best combination stays. False where no other is left."""
    best = d.row(d.best).method if d.best else None
    most = "fusion" if len(levels["fusion"]) >= len(levels["architecture"]) else "architecture"
    axis = "attention" if len(levels["attention"]) > PAGE_ROWS - 6 else most
    kept = None if best is None else str(getattr(best, axis))
    last = next((lv for lv in reversed(levels[axis]) if lv != kept), None)
    if last is None or len(levels[axis]) == 1:
        return False
    levels[axis].remove(last)
    return True


def _grid(context: Context, d: DatasetReport, rows: Rows, levels: Levels, whole: Levels, *, halves: bool) -> Grid:
    def cell(key: tuple[str, str, str]) -> Cell:
        return _cell(rows.get(key), d, halves=halves)

    columns = list(product(levels["architecture"], levels["fusion"]))
    body = [
        [Cell(text=titles.level("attention", a)), *(cell((a, f, r)) for r, f in columns)] for a in levels["attention"]
    ]
    label = f"{sentence(d.scale.label)}{'' if d.scale.higher else ' (lower is better)'}"
    return Grid(
        name=f"matrix-{d.name}",
        caption=f"{label} on the test split of {d.name}",
        notes=_notes(context, d, rows, levels, whole, halves=halves),
        groups=[(titles.level("architecture", r), len(levels["fusion"])) for r in levels["architecture"]],
        heads=["attention", *(titles.level("fusion", f, short=True) for _, f in columns)],
        rows=body,
    )


def _cell(row: CellRow | None, d: DatasetReport, *, halves: bool) -> Cell:
    if row is None or row.score is None:
        return Cell(text="✕" if row is not None and row.state == "failed" else "–")
    half = d.scale.short(row.score.half) if halves and row.score.half is not None else ""
    equal = not row.best and row.verdict == "equal"
    mark = OPEN if row.verdict == "open" and not row.best else ""
    return Cell(text=d.scale.short(row.score.mean), half=half, bold=row.best, underlined=equal, mark=mark)


def _notes(context: Context, d: DatasetReport, rows: Rows, levels: Levels, whole: Levels, *, halves: bool) -> str:
    found = {r.verdict for r in d.cells if not r.best}
    said = []
    if context.replicated:
        sure = f"{100 * context.confidence:g} % intervals" if halves else "no intervals for want of room"
        said.append(f"Mean over {context.seeds_told}, {'± half width of ' if halves else ''}{sure}.")
    else:
        said.append("One seed.")
    marks = ["bold: best"] if d.best else []
    marks += [f"underlined: equal to it within {d.scale.rope_words.removeprefix('±')}"] if "equal" in found else []
    marks += ["others: worse" if "worse" in found and "open" not in found else ""]
    marks += ["◦: open" + (", others: worse" if "worse" in found else "")] if "open" in found else []
    if any(marks):
        said.append(f"{sentence('; '.join(m for m in marks if m))}.")
    short = {lv: titles.level("fusion", lv) for lv in levels["fusion"]}
    named = [
        f"{titles.level('fusion', lv, short=True)} = {title}"
        for lv, title in short.items()
        if titles.level("fusion", lv, short=True) != title
    ]
    said += [f"Here {', '.join(named)}."] if named else []
    said += _left_out(d, rows, levels, whole)
    return " ".join(said)


def _left_out(d: DatasetReport, rows: Rows, levels: Levels, whole: Levels) -> list[str]:
    """What a page has no room for."""
    parts = [f"the {len(levels[a])} best of {count(len(whole[a]), a)}" for a in AXES if len(levels[a]) < len(whole[a])]
    if not parts:
        return []
    shown = set(product(levels["attention"], levels["fusion"], levels["architecture"]))
    equal = sum(r.verdict == "equal" and not r.best for key, r in rows.items() if key not in shown)
    lost = f"; {count(equal, 'combination')} equal to the best {'is' if equal == 1 else 'are'} not" if equal else ""
    return [f"Shown: {listing(parts)}{lost}. All {len(rows):,} combinations: tables/cells_{d.name}.csv."]
