"""The answer in words: per data set, the headline, and the standing statements. Every sentence is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot

from mmbench.config import DataSpec
from mmbench.report.analysis import CellRow, Counts, DatasetReport, Difference, Overall, Statement
from mmbench.report.words import count, gain, interval, level, listing, number, quantity, sentence, share

ENOUGH = 0.95
"""The share of the ceiling that counts as having solved the task."""


def _gain_sentence(difference: Difference, over: str) -> str:
    words = {
        "better": f"It gains {gain(difference)} over {over}.",
        "worse": f"It is {gain(difference)} against {over}: worse.",
        "equal": f"It is no better than {over} in practice ({gain(difference)}).",
        "unclear": f"Whether it is better than {over} cannot be told ({gain(difference)}).",
    }
    if difference.verdict == "unclear" and difference.half is not None and abs(difference.mean) > difference.half:
        # Among very many cells a test on few seeds cannot pass, however wide the gap: say that, not that it is unclear.
        return (
            f"It is {gain(difference)} against {over}: clear of zero taken alone, but not once corrected for all cells "
            "that are compared; more seeds would tell."
        )
    return words[difference.verdict]


def _first(best: CellRow, spec: DataSpec, top: Sequence[str], cells: int, metric: str) -> str:
    part = f", {share(best.ceiling_share)} of the ceiling {number(spec.ceiling)}" if best.ceiling_share else ""
    seeds = count(best.score.n if best.score else 0, "seed")
    reached = f"{metric} {interval(best.score)} ({seeds}){part}"
    if not top:
        return f"{best.key} has the highest mean: {reached}; with one seed nothing can be told apart."
    if len(top) == 1 and cells > 1:
        return f"{best.key} is best: {reached}; every other complete cell is worse."
    if cells == 1:
        return f"{best.key} is the only complete cell: {reached}."
    return (
        f"{best.key} has the highest mean: {reached}; {count(len(top) - 1, 'other cell')} of {cells - 1} "
        f"cannot be told apart from it."
    )


def _cheapest(rows: Mapping[str, CellRow], top: Sequence[str]) -> str | None:
    """The member of the tie group that trains fastest: the one to take."""
    priced = [(r.cost.train_seconds, r) for k in top if (r := rows[k]).cost]
    if len(top) < 2 or not priced:
        return None
    seconds, row = min(priced, key=lambda x: x[0])
    assert row.cost is not None
    if row.best:
        return f"It is also the cheapest to train of its tie group ({quantity(seconds)} s)."
    return (
        f"Of its tie group, {row.key} is the cheapest to train ({quantity(seconds)} s, {quantity(row.cost.parameters)} "
        f"parameters, {interval(row.score)})."
    )


def statements(
    rows: Sequence[CellRow], spec: DataSpec, best: CellRow | None, top_all: Sequence[str], metric: str
) -> tuple[Statement, ...]:
    """The standing questions that apply to this data set."""
    made = []
    if spec.ceiling is not None and metric == "accuracy":
        text, holds = f"Whether the ceiling of {number(spec.ceiling)} is reached cannot be said yet.", None
        if best is not None and best.ceiling_share is not None:
            holds = best.ceiling_share >= ENOUGH
            verb = "reaches" if holds else "does not reach"
            text = (
                f"The best cell {verb} {100 * ENOUGH:g} % of the ceiling: it is at "
                f"{share(best.ceiling_share)} of {number(spec.ceiling)}."
            )
        made.append(Statement(name="ceiling", holds=holds, text=text))
    singles = [r for r in rows if r.method.role == "single"]
    if singles and metric == "accuracy" and not spec.carriers:
        made.append(_at_chance(singles, spec))
    if singles and spec.carriers:
        carrying = [r for r in singles if r.method.modality in spec.carriers]
        holds = any(r.key in top_all for r in carrying) if top_all and any(r.ranked for r in carrying) else None
        names = listing(spec.carriers)
        text = {
            True: f"{sentence(names)} alone is in the top tie group: the other modalities add nothing that shows.",
            False: f"{sentence(names)} alone, though it carries the label, is not in the top tie group.",
            None: f"Whether {names} alone is in the top tie group cannot be said yet.",
        }[holds]
        made.append(Statement(name="carrier_on_top", holds=holds, text=text))
    return tuple(made)


def _at_chance(singles: Sequence[CellRow], spec: DataSpec) -> Statement:
    """Whether each single modality scores within its interval of chance.

    That interval has two parts: of the seeds, and of guessing on a test split of this size (which seeds share).
    """
    known = [
        (r, r.score.mean, r.score.half)
        for r in singles
        if r.state == "complete" and r.score and r.score.half is not None
    ]
    name, chance = "singles_at_chance", spec.chance
    if len(known) < len(singles):
        text = "Whether single modalities are at chance cannot be said yet: some have no interval."
        return Statement(name=name, holds=None, text=text)
    guessing = 1.96 * (chance * (1 - chance) / spec.splits["test"]) ** 0.5
    away = [(abs(mean - chance), r) for r, mean, half in known if abs(mean - chance) > hypot(half, guessing)]
    if not away:
        text = f"Every single modality is within its interval of chance ({number(chance)}); only together do they tell."
        return Statement(name=name, holds=True, text=text)
    if len(away) == len(known):
        text = f"Every single modality says something about the label: none is at chance ({number(chance)})."
        return Statement(name=name, holds=False, text=text)
    _, furthest = max(away, key=lambda x: x[0])
    text = (
        f"Of {count(len(known), 'single-modality control')}, {len(away)} "
        f"{'differs' if len(away) == 1 else 'differ'} from chance ({number(chance)}), most of all {furthest.key} at "
        f"{interval(furthest.score)}."
    )
    return Statement(name=name, holds=False, text=text)


def answer(
    rows: Sequence[CellRow],
    spec: DataSpec,
    top: Sequence[str],
    chosen: str | None,
    found: Sequence[Statement],
    metric: str,
) -> tuple[str, ...]:
    """Sentences for a reader who wants to act; the first stands alone."""
    by_key = {r.key: r for r in rows}
    best = next((r for r in rows if r.best), None)
    if best is None:
        return ("No cell is complete yet.",)
    cells = sum(r.ranked for r in rows if r.method.role == "cell")
    said = [_first(best, spec, top, cells, metric)]
    for difference, over in (
        (best.gain_single, f"the best single modality ({best.gain_single.reference})" if best.gain_single else ""),
        (best.gain_pooling, "the same cell with pooling in place of attention"),
        (best.gain_linear, "the linear baseline"),
    ):
        if difference is not None:
            said.append(_gain_sentence(difference, over))
    cheap = _cheapest(by_key, top)
    if cheap:
        said.append(cheap)
    said.extend(s.text for s in found)
    if chosen is not None and chosen != best.key:
        said.append(
            f"Choosing by validation, as one would without test labels, takes {chosen}: "
            f"{interval(by_key[chosen].score)} on test."
        )
    return tuple(said)


def _clear(top: int, cells: int) -> bool:
    """Whether a tie group is small enough to speak of winners: at most a quarter of the field."""
    return top <= max(3, cells // 4)


def finding(name: str, best: str | None, top: Sequence[str], cells: int) -> str:
    """A heading for one data set."""
    if best is None:
        return f"{name}: no complete cell yet"
    if not top:
        return f"{name}: one seed, so nothing can be told apart"
    if len(top) == 1:
        return f"{name}: {best} is best" if cells > 1 else f"{name}: {best} is the only complete cell"
    if _clear(len(top), cells):
        return f"{name}: {best} scores highest; {count(len(top) - 1, 'other')} cannot be told apart from it"
    return f"{name}: no clear winner, {len(top)} of {cells} cells cannot be told apart"


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
            text = _winner(str(d.best), d.top, ranked, f"on {d.name}")
        else:
            text = f"No clear winner: no cell is complete on all {len(datasets)} data sets."
    elif winner_changes:
        text = f"No clear winner: the best combination differs between the {len(known)} data sets."
    else:
        ranked = sum(r.score is not None for r in overall.rows)
        text = _winner(overall.best, overall.top, ranked, f"over {count(len(overall.datasets), 'data set')}")
    return start + text[:1].lower() + text[1:] if start else sentence(text)


def _winner(best: str, top: Sequence[str], cells: int, where: str) -> str:
    best = level(best)
    if not top:
        return f"No clear winner {where}: with one seed nothing can be told apart ({best} has the highest mean)."
    if len(top) == 1:
        return f"{best} is best {where}."
    if _clear(len(top), cells):
        return f"{best} scores highest {where}; {count(len(top) - 1, 'other cell')} cannot be told apart from it."
    return f"No clear winner {where}: {len(top)} of {cells} cells cannot be told apart."


def lead(datasets: Sequence[DatasetReport], question_findings: Sequence[str]) -> tuple[str, ...]:
    """Up to two sentences under the headline: what is best where, and what matters."""
    best = [f"{d.best} on {d.name} ({interval(d.row(d.best).score)})" for d in datasets if d.best is not None]
    said = []
    if best:
        said.append(f"Highest mean: {listing(best, most=6)}.")
    if question_findings:
        said.append("; ".join(f[:1].lower() + f[1:] if i else f for i, f in enumerate(question_findings)) + ".")
    return tuple(said)
