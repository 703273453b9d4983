"""Headings: the winner, or how the others stand to the best. Every sentence is generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from mmbench.report.scores.advice import advise, depends
from mmbench.report.scores.controls import ahead, headlines_of
from mmbench.report.scores.scope import Scope
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.coverage import Counts
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.overall import OverallRow
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, listing, sentence
from mmbench.stats.estimates import Verdict
from mmbench.stats.ladder import fades

Standing = Verdict | Literal["fades"]
"""fades: decided, but no longer right with more training."""
Verdicts = Mapping[str, Standing]
"""key of a ranked cell -> what is known of it against the best; empty with one seed."""


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
        return f"{name}: no complete combination yet"
    if short:
        return f"{name}: trained too briefly to rank"
    if not verdicts:
        return f"{name}: one seed decides nothing"
    if cells == 1:
        return f"{name}: {best} is the only complete combination"
    rest = others(verdicts, best)
    if all(v == "worse" for v in rest):
        return f"{name}: {best} is best"
    return f"{name}: {best} {_leads(scale)}; of the other {len(rest):,}, {standing(rest, scale)}"


def _leads(scale: Scale) -> str:
    return "scores highest" if scale.higher else f"has the lowest {scale.label}"


def headline(
    total: Counts,
    datasets: Sequence[DatasetReport],
    scopes: Mapping[str | None, Scope],
    short: Mapping[str, str],
) -> str:
    """The answer as advice, in one or two sentences. scopes: each data set, and all together (None). short: why the
    models of a data set were trained too briefly to be ranked; nothing is said of winners then."""
    known = [d for d in datasets if d.best]
    if not known and total.bad and not total.pending:
        return f"No results yet: {total.bad:,} of {count(total.declared, 'trial')} failed; Coverage says why."
    if not known and total.skipped == total.declared:
        return "No results: every trial is impossible; Coverage says why."
    if not known:
        return f"No results yet: {total.done} of {count(total.declared, 'trial')} done."
    start = "So far: " if total.pending else ""
    if 2 * total.bad > total.declared:
        return f"{total.bad:,} of {count(total.declared, 'trial')} failed, so there is no result yet."
    cut = [d.name for d in known if d.name in short]
    if cut:
        reasons = list(dict.fromkeys(short[name] for name in cut))
        why = reasons[0] if len(reasons) == 1 else "; ".join(f"on {name}, {short[name]}" for name in cut)
        text = f"trained too briefly to rank on {listing(cut)}: {why}.{_so_far(known, cut)}"
        return start + text if start else sentence(text)
    ruled = {d.name: found for d in known if (found := ahead(d)) is not None}
    rest = [d for d in known if d.name not in ruled]
    if ruled:
        parts = list(headlines_of(ruled, {d.name: d for d in known}))
        if len(rest) == 1:
            parts.append(_low(_decide(scopes[rest[0].name], f" on {rest[0].name}")).rstrip("."))
        elif rest:
            parts.append(f"on {listing([d.name for d in rest])} no control is known to be as good as combinations")
        return sentence(start + "; ".join(map(_low, parts))) + "."
    text = _decide(scopes[None if len(known) > 1 else known[0].name])
    return start + _low(text) if start else sentence(text)


def _so_far(known: Sequence[DatasetReport], cut: Sequence[str]) -> str:
    """That controls are better than models that were trained too briefly, with the numbers; or nothing."""
    by_name = {d.name: d for d in known}
    better = {
        name: found for name in cut if (found := ahead(by_name[name])) is not None and found.found.verdict == "worse"
    }
    return f" After so little training, {'; '.join(headlines_of(better, by_name))}." if better else ""


def _decide(scope: Scope, where: str = "") -> str:
    """What to use, or that it hardly matters, or that it is open. where: ` on birds`, or nothing."""
    best = next((r for r in scope.rows if r.best), None)
    if best is None:
        return "No winner yet: no combination is complete on all data sets."
    name, scale = titles.method(best.method), scope.scale
    verdicts = known_verdicts(scope.rows)
    if not verdicts:
        mean = f"{scale.extreme} {scale.label if scale.is_ranks else 'mean'}"
        return f"No winner{where} yet: one seed decides nothing ({name} has the {mean})."
    rest = others(verdicts, best.key)
    if not rest:
        return f"Only {name} is complete{where}: there is nothing to compare it with."
    if all(v == "worse" for v in rest) and not scope.contested:
        return f"Use {name}{where}: every other combination is worse."
    take = f"; take {scope.smallest}, the smallest" if scope.smallest else ""
    if all(v == "equal" for v in rest) and not scope.worse:
        return f"Any combination will do{where}: all {len(rest) + 1} are equal within {scale.rope_words}{take}."
    advice = advise(scope.advised)
    if not advice:
        return depends("combination", scope.contested) if scope.contested else _open(rest, where, scale)
    return advice if not where else f"On{where.removeprefix(' on')}, {_low(advice)}"


def _open(rest: Sequence[Standing], where: str, scale: Scale) -> str:
    """Where no choice on an axis says anything."""
    worse = sum(v == "worse" for v in rest)
    left = f"{len(rest) + 1 - worse:,} of {len(rest) + 1:,} combinations may be the best"
    equal = sum(v == "equal" for v in rest)
    known = f" ({equal:,} of them are equal within {scale.rope_words})" if equal else ""
    return f"Not decided yet{where}: {left}{known}. More seeds would tell."


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]


def known_verdicts(rows: Iterable[CellRow | OverallRow]) -> Verdicts:
    """Of the rows that have one."""
    return {r.key: standing_of(r) for r in rows if r.verdict is not None}


def standing_of(row: CellRow | OverallRow) -> Standing:
    """What is known of a row that has a verdict."""
    assert row.verdict is not None
    return "fades" if row.to_best is not None and fades(row.to_best) is not None else row.verdict
