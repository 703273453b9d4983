"""The answer in words: per data set, the headline, and the standing statements. Every sentence is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot

from mmbench.report.values.analysis import CellRow, Counts, DatasetReport, Difference, Overall, Statement
from mmbench.report.values.numbers import seconds, two_figures
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, gain, interval, listing, quantity, sentence, share
from mmbench.schema.dataset import DataSpec

ENOUGH = 0.95
"""The share of the ceiling that counts as having solved the task."""
LITTLE = 2
"""Regions of practical equivalence that a cheaper cell may seem to cost: by default 2 points."""
NAMED = 5
"""Up to so many cells that cannot be told apart from the best are named; of more, the table tells."""


def _gain_sentence(difference: Difference, over: str, scale: Scale, price: str = "") -> str:
    """price: what that costs, told where it is better."""
    size = gain(difference, scale)
    bare = size.lstrip("+−")
    words = {
        "better": f"It gains {bare} over {over}{price}."
        if scale.unit
        else f"It has a {size} than {over}: better{price}.",
        "worse": f"It loses {bare} to {over}." if scale.unit else f"It has a {size} than {over}: worse.",
        "equal": f"It is no better than {over} in practice: {size}.",
        "unclear": f"Whether it is better than {over} cannot be told: {size}.",
    }
    if difference.verdict == "unclear" and difference.half is not None and abs(difference.mean) > difference.half:
        # Among very many cells a test on few seeds cannot pass, however wide the gap: say that, not that it is unclear.
        return (
            f"It {f'is {size} against' if scale.unit else f'has a {size} than'} {over}: clear of zero taken alone, but "
            "not once corrected for all cells that are compared; more seeds would tell."
        )
    return words[difference.verdict]


def _first(name: str, best: CellRow, ceiling: float | None, top: Sequence[str], cells: int, scale: Scale) -> str:
    """What to use on this data set, and how sure that is."""
    part = "" if ceiling is None else f"; the best possible is {scale.number(ceiling)}"
    if best.ceiling_share:
        part = f", {share(best.ceiling_share)} of the ceiling {scale.number(ceiling)}"
    seeds = count(best.score.n if best.score else 0, "seed")
    reached = f"{scale.label} {interval(best.score, scale)} ({seeds}){part}"
    if not top:
        return (
            f"On {name}, one seed cannot tell what to use: {best.key} has the {scale.extreme} score, {reached}, and "
            "nothing can be told apart."
        )
    if cells == 1:
        return f"On {name}, only {best.key} is complete: {reached}."
    use = f"On {name}, use {best.key}: {reached}"
    tied = [key for key in top if key != best.key]
    if not tied:
        return f"{use}; every other complete cell is worse."
    if len(tied) == cells - 1:
        return f"{use}; but none of the other {len(tied):,} cells can be told apart from it."
    return f"{use}; {len(tied):,} of the {cells - 1:,} other cells cannot be told apart from it."


def _ties(best: CellRow, top: Sequence[str]) -> str | None:
    """Which cells could be used instead, where they are few."""
    tied = [key for key in top if key != best.key]
    if not 0 < len(tied) <= NAMED:
        return None
    return f"{'That is' if len(tied) == 1 else 'Those are'} {listing(tied, most=NAMED)}."


def _price(best: CellRow, other: CellRow | None) -> str:
    """`, at 2.6 times its training time`; nothing where it is not known."""
    mine, its = (r.cost.train_seconds if r and r.cost else None for r in (best, other))
    return f", at {two_figures(mine / its)} times its training time" if mine and its else ""


def _cheapest(rows: Mapping[str, CellRow], top: Sequence[str], scale: Scale) -> str | None:
    """The cell to take where training time counts: the cheapest to train of those that are nearly as good.

    A tie group is careful not to call a cell worse by chance, so it holds some that very likely are. Nobody is advised
    to take one whose difference to the best, taken alone, is clear of zero, or that seems to cost more than a little.
    """
    close = [r for k in top if _nearly(r := rows[k], scale)]
    priced = [(r.cost.train_seconds, r) for r in close if r.cost and r.cost.train_seconds is not None]
    best = next((s for s, r in priced if r.best), None)
    if len(close) < 2 or best is None:
        return None
    least, row = min(priced, key=lambda x: x[0])
    if row.best:
        return f"It is also the cheapest to train of those that come close to it ({seconds(least)})."
    assert row.cost is not None and row.to_best is not None
    return (
        f"Where training time counts, take {row.key}: {gain(row.to_best, scale)} {'against' if scale.unit else 'than'} "
        f"the best cell, which is within noise; it trains in {seconds(least)} instead of {seconds(best)} and has "
        f"{quantity(row.cost.parameters)} parameters."
    )


def _nearly(row: CellRow, scale: Scale) -> bool:
    if row.best:
        return True
    loss = row.to_best
    return loss is not None and loss.high >= 0 and -loss.mean <= LITTLE * scale.rope


def statements(
    rows: Sequence[CellRow],
    spec: DataSpec,
    best: CellRow | None,
    top_all: Sequence[str],
    scale: Scale,
    ceiling: float | None,
) -> tuple[Statement, ...]:
    """The standing questions that apply to this data set. ceiling: of which the score can be a share, or None."""
    made = []
    if ceiling is not None:
        text, holds = f"Whether the ceiling of {scale.number(ceiling)} is reached cannot be said yet.", None
        if best is not None and best.ceiling_share is not None:
            holds = best.ceiling_share >= ENOUGH
            verb = "reaches" if holds else "does not reach"
            text = (
                f"The best cell {verb} {100 * ENOUGH:g} % of the ceiling: it is at "
                f"{share(best.ceiling_share)} of {scale.number(ceiling)}."
            )
        made.append(Statement(name="ceiling", holds=holds, text=text))
    singles = [r for r in rows if r.method.role == "single"]
    if singles and scale.guess is not None and not spec.carriers:
        made.append(_at_chance(singles, scale, spec.splits["test"]))
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


def _at_chance(singles: Sequence[CellRow], scale: Scale, tested: int) -> Statement:
    """Whether each single modality scores what a guess without the input scores. tested: samples of the test split.

    For accuracy, within an interval of two parts: of the seeds, and of guessing on a test split of this size (which
    seeds share). For other metrics only seed noise is known, and only what is better than the guess tells something: a
    network can well be worse.
    """
    name, chance = "singles_at_chance", scale.guess
    assert chance is not None
    known = [
        (r, r.score.mean, r.score.half)
        for r in singles
        if r.state == "complete" and r.score and r.score.half is not None
    ]
    plain = scale.metric == "accuracy"
    guess = f"chance ({scale.number(chance)})" if plain else f"a guess without the input ({scale.number(chance)})"
    if len(known) < len(singles):
        at = "at chance" if plain else "no better than a guess"
        text = f"Whether single modalities are {at} cannot be said yet: some have no interval."
        return Statement(name=name, holds=None, text=text)
    if not plain:
        return _beside_a_guess(known, scale, guess, name)
    guessing = 1.96 * (chance * (1 - chance) / tested) ** 0.5
    away = [(abs(mean - chance), r) for r, mean, half in known if abs(mean - chance) > hypot(half, guessing)]
    if not away:
        text = f"Every single modality is within its interval of {guess}; only together do they tell."
        return Statement(name=name, holds=True, text=text)
    if len(away) == len(known):
        text = f"Every single modality says something about the label: none is at {guess}."
        return Statement(name=name, holds=False, text=text)
    _, furthest = max(away, key=lambda x: x[0])
    text = (
        f"Of {count(len(known), 'single-modality control')}, {len(away)} "
        f"{'differs' if len(away) == 1 else 'differ'} from {guess}, most of all {furthest.key} at "
        f"{interval(furthest.score, scale)}."
    )
    return Statement(name=name, holds=False, text=text)


def _beside_a_guess(known: Sequence[tuple[CellRow, float, float]], scale: Scale, guess: str, name: str) -> Statement:
    """The same for metrics of which only the noise of the seeds is known."""
    gains = [(scale.oriented(mean) - scale.oriented(scale.guess or 0.0), half, r) for r, mean, half in known]
    telling = [(gain, r) for gain, half, r in gains if gain > max(half, scale.rope)]
    if not telling:
        text = f"No single modality scores better than {guess}, beyond the noise of the seeds."
        return Statement(name=name, holds=True, text=text)
    if len(telling) == len(known):
        text = f"Every single modality says something about the target: each scores better than {guess}."
        return Statement(name=name, holds=False, text=text)
    _, furthest = max(telling, key=lambda x: x[0])
    text = (
        f"Of {count(len(known), 'single-modality control')}, {len(telling)} "
        f"{'scores' if len(telling) == 1 else 'score'} better than {guess}, most of all {furthest.key} at "
        f"{interval(furthest.score, scale)}."
    )
    return Statement(name=name, holds=False, text=text)


def answer(
    name: str,
    rows: Sequence[CellRow],
    ceiling: float | None,
    top: Sequence[str],
    chosen: str | None,
    found: Sequence[Statement],
    scale: Scale,
) -> tuple[str, ...]:
    """Sentences for a reader who wants to act; the first stands alone. ceiling: the best possible, where known."""
    by_key = {r.key: r for r in rows}
    best = next((r for r in rows if r.best), None)
    if best is None:
        return ("No cell is complete yet.",)
    cells = sum(r.ranked for r in rows if r.method.role == "cell")
    said = [_first(name, best, ceiling, top, cells, scale)]
    ties = _ties(best, top)
    if ties and len(top) < cells:
        said.append(ties)
    for difference, over in (
        (best.gain_single, f"the best single modality ({best.gain_single.reference})" if best.gain_single else ""),
        (best.gain_pooling, "the same cell with pooling in place of attention"),
        (best.gain_linear, "the linear baseline"),
    ):
        if difference is not None:
            price = _price(best, by_key.get(difference.reference)) if difference is best.gain_single else ""
            said.append(_gain_sentence(difference, over, scale, price))
    cheap = _cheapest(by_key, top, scale)
    if cheap:
        said.append(cheap)
    said.extend(s.text for s in found)
    if chosen is not None and chosen != best.key:
        said.append(
            f"Choosing by validation, as one would without test labels, takes {chosen}: "
            f"{interval(by_key[chosen].score, scale)} on test."
        )
    return tuple(said)


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


def lead(datasets: Sequence[DatasetReport], question_findings: Sequence[str]) -> tuple[str, ...]:
    """Up to two sentences under the headline: what is best where, and what matters."""
    known = [d for d in datasets if d.best is not None]
    mixed = len({d.scale.metric for d in datasets}) > 1
    best = []
    for d in known:
        what = f"{d.scale.label} " if mixed or not d.scale.higher else ""
        best.append(f"{d.best} on {d.name} ({what}{interval(d.row(str(d.best)).score, d.scale)})")
    said = []
    if best:
        ways = {d.scale.extreme for d in known}
        said.append(f"{sentence(ways.pop()) if len(ways) == 1 else 'Best'} mean: {listing(best, most=6)}.")
    if question_findings:
        said.append("; ".join(f[:1].lower() + f[1:] if i else f for i, f in enumerate(question_findings)) + ".")
    return tuple(said)
