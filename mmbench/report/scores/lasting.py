"""How many verdicts of a data set last when training is longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmbench.report.values.verdicts import VerdictRecord
from mmbench.report.values.words import count, training


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """Of one data set.

    Attributes:
        factor: The longest budget, as a multiple of the data set's own.
        checked: Verdicts that could be looked at again; fading: those of them that do not last. Two verdicts on one
            pair (a combination that is a control of the best one, too) count once.
    """

    dataset: str
    factor: float
    checked: int
    fading: tuple[VerdictRecord, ...]


def lasting_of(dataset: str, verdicts: Iterable[VerdictRecord]) -> Lasting | None:
    """None where no longer budget was tried."""
    checked = [v for v in verdicts if v.dataset == dataset and v.lasts is not None]
    if not checked:
        return None
    pairs: dict[tuple[str | None, frozenset[str]], VerdictRecord] = {}
    for v in checked:
        key = (v.axis, frozenset((v.subject, v.reference)))
        if key not in pairs or not v.lasts:
            pairs[key] = v
    return Lasting(
        dataset=dataset,
        factor=max(float(factor) for v in checked for factor in v.budgets),
        checked=len(pairs),
        fading=tuple(v for v in pairs.values() if not v.lasts),
    )


def lasting_words(found: Sequence[Lasting]) -> str:
    """`twice the training turns none of the 84 verdicts`, for a sentence. found: at least one."""
    factor, checked = max(x.factor for x in found), sum(x.checked for x in found)
    fading = [x for x in found if x.fading]
    turned = sum(len(x.fading) for x in fading)
    where = f" ({', '.join(f'{len(x.fading)} on {x.dataset}' for x in fading)})" if turned and len(found) > 1 else ""
    said = f"turns {turned or 'none'} of the {count(checked, 'verdict')}{where}"
    if checked == 1:
        said = "turns the one verdict" if turned else "does not turn the one verdict"
    return f"{training(factor)} {said}, judging by one seed"
