"""Headings: the winner, or how the others stand to the best. Every sentence is generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mmbench.report.scores.controls import ahead, headlines_of
from mmbench.report.values.cells import CellRow
from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, listing, sentence
from mmbench.stats.estimates import Verdict
from mmbench.stats.ladder import fades

Standing = Verdict | Literal["fades"]
"""fades: decided, but no longer right with more training."""
Verdicts = Mapping[str, Standing]
"""key of a ranked cell -> what is known of it against the best; empty with one seed."""


def _clear(top: int, cells: int) -> bool:
    """Whether so few cells are not worse than the best that one may speak of winners: at most a quarter of them."""
    return top <= max(3, cells // 4)


def standing(verdicts: Iterable[Standing], scale: Scale) -> str:
    """`8 are equal within ±1 point, 3 are open, 15 are worse and 1 depends on the length of training`."""
    counts = Counter(verdicts)
    words: dict[Standing, str] = {"equal": f"equal within {scale.rope_words}", "open": "open", "worse": "worse"}
    found = [f"{n} {'is' if n == 1 else 'are'} {word}" for v, word in words.items() if (n := counts[v])]
    if fading := counts["fades"]:
        found.append(f"{fading} {'depends' if fading == 1 else 'depend'} on the length of training")
    return listing(found)


def others(verdicts: Verdicts, best: str) -> list[Standing]:
    """Of the cells that are not the best."""
    return [v for key, v in verdicts.items() if key != best]


def finding(name: str, best: str | None, verdicts: Verdicts, cells: int, scale: Scale, *, short: bool = False) -> str:
    """A heading for one data set. cells: ranked ones. short: their models were trained too briefly."""
    if best is None:
        return f"{name}: no complete cell yet"
    if short:
        return f"{name}: trained too briefly to rank"
    if not verdicts:
        return f"{name}: one seed decides nothing"
    if cells == 1:
        return f"{name}: {best} is the only complete cell"
    rest = others(verdicts, best)
    if all(v == "worse" for v in rest):
        return f"{name}: {best} is best"
    return f"{name}: {best} {_leads(scale)}; of the other {len(rest):,}, {standing(rest, scale)}"


def _leads(scale: Scale) -> str:
    return "scores highest" if scale.higher else f"has the lowest {scale.label}"


def headline(
    total: Counts,
    datasets: Sequence[DatasetReport],
    overall: Overall | None,
    winner_changes: bool | None,
    short: Mapping[str, str],
) -> str:
    """One sentence: the winner, or how the others stand to the best. short: why the models of a data set were trained
    too briefly to be ranked; nothing is said of winners then."""
    known = [d for d in datasets if d.best]
    if not known:
        return f"No results yet: {total.done} of {count(total.declared, 'trial')} done."
    start = "So far: " if total.pending else ""
    cut = [d.name for d in known if d.name in short]
    if cut:
        reasons = list(dict.fromkeys(short[name] for name in cut))
        why = reasons[0] if len(reasons) == 1 else "; ".join(f"on {name}, {short[name]}" for name in cut)
        text = f"trained too briefly to rank on {listing(cut)}: {why}."
        return start + text if start else sentence(text)
    ruled = {d.name: found for d in known if (found := ahead(d)) is not None}
    rest = [d for d in known if d.name not in ruled]
    if ruled:
        parts = list(headlines_of(ruled, {d.name: d for d in known}))
        if len(rest) == 1:
            text = _winner(str(rest[0].best), known_verdicts(rest[0].cells), f"on {rest[0].name}", rest[0].scale)
            parts.append(text.rstrip("."))
        elif rest:
            parts.append(f"on {listing([d.name for d in rest])} no control is known to be as good as combinations")
        return sentence(start + "; ".join(map(_low, parts))) + "."
    if overall is None or overall.best is None:
        if len(known) == 1:
            d = known[0]
            text = _winner(str(d.best), known_verdicts(d.cells), f"on {d.name}", d.scale)
        else:
            text = f"No winner yet: no cell is complete on all {len(datasets)} data sets."
    elif winner_changes:
        text = f"No single winner: the best combination differs between the {len(known)} data sets."
    else:
        where = f"over {count(len(overall.datasets), 'data set')}"
        text = _winner(overall.best, known_verdicts(overall.rows), where, overall.scale)
    return start + _low(text) if start else sentence(text)


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]


def known_verdicts(rows: Iterable[CellRow | OverallRow]) -> Verdicts:
    """Of the rows that have one."""
    return {r.key: standing_of(r) for r in rows if r.verdict is not None}


def standing_of(row: CellRow | OverallRow) -> Standing:
    """What is known of a row that has a verdict."""
    assert row.verdict is not None
    return "fades" if row.to_best is not None and fades(row.to_best) is not None else row.verdict


def _winner(best: str, verdicts: Verdicts, where: str, scale: Scale) -> str:
    if not verdicts:
        mean = f"{scale.extreme} {scale.label if scale.is_ranks else 'mean'}"
        return f"No winner {where} yet: one seed decides nothing ({best} has the {mean})."
    rest = others(verdicts, best)
    top = 1 + sum(v != "worse" for v in rest)
    if top == 1:
        return f"{best} is best {where}."
    if _clear(top, len(verdicts)):
        return f"{best} {_leads(scale)} {where}; of the other {len(rest):,} cells, {standing(rest, scale)}."
    return f"No single winner {where}: of the {len(rest):,} cells below {best}, {standing(rest, scale)}."
