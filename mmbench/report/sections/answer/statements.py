"""The questions that are asked of every data set: ceiling, single modalities, carriers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import hypot

from mmbench.report.sections.answer.record import Statement
from mmbench.report.values.cells import CellRow
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import count, interval, listing, sentence, share
from mmbench.schema.dataset import DataSpec

ENOUGH = 0.95
"""The share of the ceiling that counts as having solved the task."""


def statements(
    rows: Sequence[CellRow],
    spec: DataSpec,
    best: CellRow | None,
    scale: Scale,
    ceiling: float | None,
) -> tuple[Statement, ...]:
    """The standing questions that apply to this data set. ceiling: of which the score can be a share, or None."""
    made = []
    if ceiling is not None:
        text, holds = f"It is open whether the ceiling of {scale.number(ceiling)} is reached.", None
        if best is not None and best.ceiling_share is not None:
            holds = best.ceiling_share >= ENOUGH
            verb = "reaches" if holds else "does not reach"
            text = (
                f"The best combination {verb} {100 * ENOUGH:g} % of the ceiling: it is at "
                f"{share(best.ceiling_share)} of {scale.number(ceiling)}."
            )
        made.append(Statement(name="ceiling", holds=holds, text=text))
    singles = [r for r in rows if r.method.role == "single"]
    if singles and scale.guess is not None and not spec.carriers:
        made.append(_at_chance(singles, scale, spec.splits["test"]))
    if singles and spec.carriers:
        holds = _suffices(spec.carriers, singles, best)
        names = listing(spec.carriers)
        text = {
            True: f"{sentence(names)} alone is as good as the best combination: the other modalities add nothing "
            "measurable.",
            False: f"{sentence(names)} alone, which carries the label, is worse than the best combination.",
            None: f"Whether {names} alone is worse than the best combination is open.",
        }[holds]
        made.append(Statement(name="carrier_on_top", holds=holds, text=text))
    return tuple(made)


def _suffices(carriers: Collection[str], singles: Sequence[CellRow], best: CellRow | None) -> bool | None:
    """Whether the best combination is no better than a modality that carries the label; None where that is open.

    By the record that the answer's sentence about the best single modality reads, so that they cannot disagree.
    """
    gain = best.gain_single if best is not None else None
    if gain is None or gain.verdict == "open":
        return None
    if gain.verdict == "better":
        return False
    carrying = {r.key for r in singles if r.method.modality in carriers}
    return True if gain.reference in carrying else None


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
        text = f"Whether single modalities are {at} is open: some have no interval."
        return Statement(name=name, holds=None, text=text)
    if not plain:
        return _beside_a_guess(known, scale, guess, name)
    guessing = 1.96 * (chance * (1 - chance) / tested) ** 0.5
    away = [(abs(mean - chance), r) for r, mean, half in known if abs(mean - chance) > hypot(half, guessing)]
    if not away:
        text = f"No single modality is surely better than {guess}, as far as {count(tested, 'test sample')} tell."
        return Statement(name=name, holds=True, text=text)
    if len(away) == len(known):
        text = f"Every single modality is informative about the label: none is at {guess}."
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
        text = f"Every single modality is informative about the target: each scores better than {guess}."
        return Statement(name=name, holds=False, text=text)
    _, furthest = max(telling, key=lambda x: x[0])
    text = (
        f"Of {count(len(known), 'single-modality control')}, {len(telling)} "
        f"{'scores' if len(telling) == 1 else 'score'} better than {guess}, most of all {furthest.key} at "
        f"{interval(furthest.score, scale)}."
    )
    return Statement(name=name, holds=False, text=text)
