"""How numbers and lists read in sentences and tables: one style for the page, Markdown, CSV captions and MLflow."""

from __future__ import annotations

from math import floor

from mmbench.report.values import numbers
from mmbench.report.values.lists import listing as listing
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate


def number(value: float | None) -> str:
    """`0.893`; a dash where there is none."""
    return numbers.score(value)


def interval(estimate: Estimate | None, scale: Scale) -> str:
    """`0.893 ± 0.012`."""
    if estimate is None:
        return numbers.NONE
    mean = scale.number(estimate.mean)
    return mean if estimate.half is None else f"{mean} ± {scale.number(estimate.half)}"


def change(difference: Difference, scale: Scale) -> str:
    """A gain for tables: `+10.8 points (± 1.2)`, `+0.041 (± 0.012)`."""
    text = scale.change(difference.mean)
    one = text.lstrip("+−") == "1.0"
    unit = scale.unit_words.removesuffix("s") if one else scale.unit_words
    half = "" if difference.half is None else f" (± {scale.width(difference.half)})"
    return f"{text}{unit}{half}"


def gain(difference: Difference, scale: Scale) -> str:
    """A gain in sentences: `+10.8 points (± 1.2)`, `0.041 lower MAE (± 0.012)`."""
    if scale.unit:
        return change(difference, scale)
    half = "" if difference.half is None else f" (± {scale.width(difference.half)})"
    size = scale.width(abs(difference.mean))
    if not size.strip("0."):
        return f"the same {scale.label}{half}"
    return f"{size} {'higher' if scale.higher == (difference.mean > 0) else 'lower'} {scale.label}{half}"


def percent(value: float) -> str:
    """`97 %`, with a decimal where rounding would hide what is missing."""
    return f"{100 * value:.1f} %" if 0.9 <= value < 1 or 0 < value < 0.02 else f"{100 * value:.0f} %"


def percent_interval(share: Estimate) -> str:
    """`97.3 ± 0.4 %`, with no decimal where the interval is wide; `97 %` where it is not known."""
    if share.half is None:
        return percent(share.mean)
    decimals = 1 if share.half < 0.02 else 0
    return f"{100 * share.mean:.{decimals}f} ± {100 * share.half:.{decimals}f} %"


def share(value: float) -> str:
    """Of a ceiling: `94.9 %`. Cut, not rounded, so that 94.96 % does not read as if it reached 95 %."""
    return f"{floor(1000 * value + 1e-9) / 10:.1f} %"


def quantity(value: float | None) -> str:
    """Two significant figures with a prefix: `1.8 M`; as on the page."""
    return numbers.count(value)


def count(n: int, singular: str, plural: str | None = None) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


MANY_SEEDS = 100
"""No person would run more, so that it is not said that so many would decide."""

TIMES = {0.5: "half", 2: "twice"}


def training(factor: float) -> str:
    """`twice the training`."""
    return f"{TIMES.get(factor, f'{factor:g} times')} the training"


def sentence(text: str) -> str:
    """With a capital first letter, unless it begins with a name such as `cross_attention`."""
    return text if "_" in text.split(" ", 1)[0] else text[:1].upper() + text[1:]


def incomplete_flag(dropped: tuple[str, ...]) -> str:
    return f"; incomplete: {'; '.join(dropped)}" if dropped else ""
