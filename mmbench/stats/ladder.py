"""Whether a verdict lasts when training is shorter or longer.

docs/decisions/0036-the-budget-ladder.md has the reasons.
"""

from __future__ import annotations

from mmbench.stats.estimates import AtBudget, Difference


def lasts(difference: Difference, at: AtBudget) -> bool | None:
    """Whether the verdict is still right at this budget, as far as is known; None where there is no verdict.

    It is not where the difference has really changed and lies where another verdict would be right.
    """
    verdict, change = difference.verdict, at.mean - difference.mean
    if difference.half is None or verdict == "open":
        return None
    if abs(change) <= at.half:
        return True
    if verdict == "equal":
        return abs(at.mean) <= at.margin
    sign = 1 if verdict == "better" else -1
    return not (sign * change < 0 and sign * at.mean < at.margin)


def fades(difference: Difference) -> AtBudget | None:
    """The shortest of the longer budgets at which the verdict does not last; None where it lasts or has none."""
    longer = (at for at in difference.budgets if at.factor > 1)
    return next((at for at in longer if lasts(difference, at) is False), None)


def learns_faster(difference: Difference) -> AtBudget | None:
    """The shortest budget at which one side is ahead by more than the margin, and more than it is at the data set's
    own by more than noise, so that it owes that to learning in fewer steps; None where there is none."""
    for at in difference.budgets:
        sign = 1 if at.mean > 0 else -1
        if at.factor < 1 and abs(at.mean) > at.margin and sign * (at.mean - difference.mean) > at.half:
            return at
    return None
