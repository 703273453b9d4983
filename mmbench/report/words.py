"""How numbers and lists read in sentences and tables: one style for the page, Markdown, CSV captions and MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from mmbench.report.analysis import Difference, Estimate

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


def number(value: float | None) -> str:
    """`0.893`; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def interval(estimate: Estimate | None) -> str:
    """`0.893 ± 0.012`."""
    if estimate is None:
        return "–"
    return number(estimate.mean) if estimate.half is None else f"{number(estimate.mean)} ± {number(estimate.half)}"


def points(value: float) -> str:
    """A difference of two scores in points: `+10.8`."""
    rounded = round(100 * value, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def gain(difference: Difference) -> str:
    """`+10.8 points (± 1.2)`."""
    unit = "point" if abs(round(100 * difference.mean, 1)) == 1 else "points"
    half = "" if difference.half is None else f" (± {100 * difference.half:.1f})"
    return f"{points(difference.mean)} {unit}{half}"


def percent(value: float) -> str:
    """`97 %`, with a decimal where rounding would hide what is missing."""
    return f"{100 * value:.1f} %" if 0.9 <= value < 1 or 0 < value < 0.02 else f"{100 * value:.0f} %"


def share(value: float) -> str:
    """Of a ceiling: `94.9 %`. Cut, not rounded, so that 94.96 % does not read as if it reached 95 %."""
    return f"{floor(1000 * value + 1e-9) / 10:.1f} %"


def quantity(value: float | None) -> str:
    """Two significant figures with a prefix: `1.8 M`."""
    if value is None:
        return "–"
    for power, prefix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= 0.9995 * power:
            scaled = value / power
            return f"{scaled:.0f}{prefix}" if scaled >= 99.5 else f"{scaled:.2g}{prefix}"
    return f"{value:.2g}" if abs(value) < 99.5 else f"{value:.0f}"


def listing(items: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; beyond `most` items `a, b, c and 5 more`."""
    if not items:
        return "none"
    if len(items) == 1:
        return items[0]
    if len(items) <= most:
        return f"{', '.join(items[:-1])} and {items[-1]}"
    return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"


def count(n: int, singular: str, plural: str | None = None) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def level(name: str) -> str:
    """A level as words: `scaled_dot_product` -> `scaled dot product`."""
    return name.replace("_", " ")


def sentence(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]
