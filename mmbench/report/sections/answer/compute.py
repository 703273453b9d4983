"""The answer in words: per data set. Every sentence is generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scipy import stats

from mmbench.report.scores.context import Context
from mmbench.report.scores.controls import advice, ahead
from mmbench.report.scores.dataset import share_of
from mmbench.report.scores.findings import Standing, standing, standing_of
from mmbench.report.scores.prices import is_cheaper
from mmbench.report.scores.warnings import warnings
from mmbench.report.sections.answer.record import Answers, DatasetAnswer, Statement
from mmbench.report.sections.answer.statements import statements
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.numbers import p_value, seconds, two_figures
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import MANY_SEEDS, count, gain, interval, listing, quantity, share, training
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades
from mmbench.stats.paired import seeds_to_decide

TIME = "train_seconds"
NAMED = 5
"""Up to so many cells that are equal to the best, or open, are named; of more, the table tells."""


def _gain_sentence(difference: Difference, over: str, scale: Scale, needed: str, price: str = "") -> str:
    """needed: how many seeds would decide; price: what that costs, told where it is better."""
    size = gain(difference, scale)
    bare = size.lstrip("+−")
    words = {
        "better": f"It gains {bare} over {over}{price}."
        if scale.unit
        else f"It has a {size} than {over}: better{price}.",
        "worse": f"It loses {bare} to {over}." if scale.unit else f"It has a {size} than {over}: worse.",
        "equal": f"It is equal to {over} within {scale.rope_words}: {size}.",
        "open": f"Whether it is better than {over} is open: {size}{needed}.",
    }
    if (at := fades(difference)) is not None:
        then = scale.change(at.mean) + (scale.unit_words if scale.unit else f" of {scale.label}, + better")
        return f"{words[difference.verdict]} This does not last: with {training(at.factor)} it is {then}."
    if difference.verdict == "open" and difference.half is not None and abs(difference.mean) > difference.half:
        # Among very many combinations a test on few seeds cannot pass, however wide the gap: say that.
        p = "" if difference.p_holm is None else f" ({p_value(difference.p_holm)})"
        return (
            f"It {f'is {size} against' if scale.unit else f'has a {size} than'} {over}: significant alone, not after "
            f"correction for all combinations{p}{needed}."
        )
    return words[difference.verdict]


def _needed(difference: Difference, comparisons: int, confidence: float, scale: Scale) -> str:
    """About how many seeds would decide; nothing where it is not known, or where no person would run so many.

    comparisons: in its family. As many as there are, so much further from zero must it be (Holm; here Bonferroni, which
    is the same for the clearest of them), but the margin is tested without a correction.
    """
    if difference.half is None or difference.near is None:
        return ""
    alone, among = stats.norm.isf([(1 - confidence) / 2, (1 - confidence) / 2 / comparisons])
    half = difference.half * float(among / alone)
    seeds = seeds_to_decide(difference.mean, half, difference.near, scale.equal_within, difference.n)
    return _would_decide(seeds, difference)


def _would_decide(seeds: int, difference: Difference) -> str:
    return f"; about {seeds:,} seeds would decide" if difference.n < seeds <= MANY_SEEDS else ""


def _first(
    name: str, best: CellRow, ceiling: float | None, top: Sequence[str], others: Sequence[Standing], scale: Scale
) -> str:
    """What to use on this data set, and how sure that is."""
    part = "" if ceiling is None else f"; the best possible is {scale.number(ceiling)}"
    if best.ceiling_share:
        part = f", {share(best.ceiling_share)} of the ceiling {scale.number(ceiling)}"
    seeds = count(best.score.n if best.score else 0, "seed")
    reached = f"{scale.label} {interval(best.score, scale)} ({seeds}){part}"
    if not top:
        return f"On {name}, one seed does not decide what to use: {best.key} has the {scale.extreme} score, {reached}."
    cells = len(others) + 1
    if cells == 1:
        return f"On {name}, only {best.key} is complete: {reached}."
    use = f"On {name}, use {best.key}: {reached}"
    if all(v == "worse" for v in others):
        return f"{use}; every other complete combination is worse."
    return f"{use}; of the other {cells - 1:,} combinations, {standing(others, scale)}."


def _named(rows: Mapping[str, CellRow], best: CellRow, top: Sequence[str]) -> Iterator[str]:
    """Which cells could be used instead, where they are few."""
    for verdict, words in (("equal", "Equal to it"), ("open", "Open")):
        found = [key for key in top if key != best.key and rows[key].verdict == verdict]
        if 0 < len(found) <= NAMED:
            yield f"{words}: {listing(found, most=NAMED)}."


def _price(best: CellRow, other: CellRow | None) -> str:
    """`, at 2.6 times its training time`; nothing where it is not known, or no more than noise."""
    if other is None or best.cost is None or other.cost is None:
        return ""
    mine, its = best.cost.train_seconds, other.cost.train_seconds
    if not mine or not its or not (is_cheaper(best, other, TIME) or is_cheaper(other, best, TIME)):
        return ""
    return f", at {two_figures(mine / its)} times its training time"


def _cheapest(rows: Mapping[str, CellRow], top: Sequence[str], scale: Scale) -> str | None:
    """The combination to take where training time counts: the cheapest to train of those that are equal to the best, so
    that the lower end of what it may lose is within the margin."""
    close = [r for k in top if (r := rows[k]).best or r.verdict == "equal"]
    priced = [(r.cost.train_seconds, r) for r in close if r.cost and r.cost.train_seconds is not None]
    best = next((s for s, r in priced if r.best), None)
    if len(close) < 2 or best is None:
        return None
    least, row = min(priced, key=lambda x: x[0])
    first = next(r for _, r in priced if r.best)
    if not is_cheaper(row, first, TIME):
        if all(r.best or is_cheaper(first, r, TIME) for _, r in priced):
            return f"It is also the cheapest to train of those that are equal to it ({seconds(best)})."
        return f"None of those that are equal to it is clearly cheaper to train ({seconds(best)})."
    assert row.cost is not None and row.to_best is not None
    verdict = f"equal within {scale.rope_words}"
    return (
        f"Where training time counts, take {row.key}: {gain(row.to_best, scale)} {'against' if scale.unit else 'than'} "
        f"the best combination ({verdict}); it trains in {seconds(least)} instead of {seconds(best)} and has "
        f"{quantity(row.cost.parameters)} parameters."
    )


def answer(
    name: str,
    rows: Sequence[CellRow],
    ceiling: float | None,
    top: Sequence[str],
    chosen: str | None,
    found: Sequence[Statement],
    scale: Scale,
    confidence: float,
) -> tuple[str, ...]:
    """Sentences for a reader who wants to act; the first stands alone. ceiling: the best possible, where known."""
    by_key = {r.key: r for r in rows}
    best = next((r for r in rows if r.best), None)
    if best is None:
        return ("No combination is complete yet.",)
    others = [standing_of(r) for r in rows if r.verdict is not None and not r.best]
    said = [_first(name, best, ceiling, top, others, scale)]
    if len(top) <= len(others):
        said.extend(_named(by_key, best, top))
    for difference, over in (
        (best.gain_single, f"the best single modality ({best.gain_single.reference})" if best.gain_single else ""),
        (best.gain_pooling, "the same combination with pooling in place of attention"),
        (best.gain_baseline, f"the {best.gain_baseline.reference}" if best.gain_baseline else ""),
    ):
        if difference is not None:
            price = _price(best, by_key.get(difference.reference)) if difference is best.gain_single else ""
            other = by_key.get(difference.reference)
            if other is not None and other.method.role == "cell":
                # Its interval allows for all combinations already.
                needed = _would_decide(other.decided_at or 0, difference)
            else:
                needed = _needed(difference, len(others) + 1, confidence, scale)
            said.append(_gain_sentence(difference, over, scale, needed, price))
    cheap = _cheapest(by_key, top, scale)
    if cheap:
        said.append(cheap)
    said.extend(s.text for s in found)
    if chosen is not None and chosen != best.key:
        said.append(
            f"Chosen on validation, as it would have to be without test labels, {chosen} is best: "
            f"{interval(by_key[chosen].score, scale)} on test."
        )
    return tuple(said)


def _withheld(name: str, best: CellRow, why: str, scale: Scale) -> str:
    """In place of advice."""
    return (
        f"On {name}, nothing can be recommended yet: {why}. {best.key} has the {scale.extreme} mean so far, "
        f"{scale.label} {interval(best.score, scale)}; with longer training that may change."
    )


def _out_of_time(d: DatasetReport, context: Context) -> Iterator[str]:
    """That seeds which would have been asked for were not paid for."""
    open_ = sum(r.verdict == "open" and not r.best for r in d.cells)
    if d.name in context.unpaid and open_ and d.name not in context.short:
        are = f"{count(open_, 'combination')} {'is' if open_ == 1 else 'are'}"
        yield (
            f"The time of sweep.budget is used up: {are} open that more seeds could decide; a longer budget goes on "
            "from here."
        )


def answers(context: Context) -> Answers:
    """Sentences and statements of every data set."""
    made = []
    for d in context.datasets:
        spec, best = context.specs[d.name], d.row(d.best) if d.best else None
        found = statements(d.rows, spec, best, d.scale, share_of(d.ceiling, d.scale))
        texts = answer(spec.name, d.rows, d.ceiling, d.top, d.chosen, found, d.scale, context.confidence)
        control = ahead(d)
        if control is not None:
            # No combination is recommended over another where none is needed.
            texts = (advice(d, control), *texts[1:])
        if d.name in context.short and best is not None:
            texts = (_withheld(spec.name, best, context.short[d.name], d.scale),)
        texts = (texts[0], *warnings(d), *_out_of_time(d, context), *texts[1:])
        made.append(DatasetAnswer(sentences=texts, statements=found))
    return Answers(context=context, datasets=tuple(made))
