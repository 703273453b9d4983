"""How numbers are written that have no scale of their own (`mmbench.report.values.scale`): shares, costs, times, p."""

from __future__ import annotations

import math

MINUS = "−"
NONE = "–"
"""Stands where there is no number. Never a zero."""


def signed(text: str) -> str:
    """A true minus sign instead of a hyphen; no sign on a zero."""
    if text.startswith("-"):
        return MINUS + text[1:] if text.strip("-0.") else text[1:]
    return text


def score(value: float | None) -> str:
    """0.912, of what lies between 0 and 1."""
    return NONE if value is None or not math.isfinite(value) else signed(f"{value:.3f}")


def two_decimals(value: float | None) -> str:
    """0.62, where a third decimal would be noise."""
    return NONE if value is None or not math.isfinite(value) else signed(f"{value:.2f}")


def percent(share: float | None) -> str:
    """62 %"""
    if share is None or not math.isfinite(share):
        return NONE
    return "< 1 %" if 0 < share < 0.005 else signed(f"{share * 100:.0f}") + " %"


def two_figures(value: float) -> str:
    """Two significant figures without an exponent: 0.0042, 0.42, 4.2, 42, 420."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.1e}")
    digits = max(0, 1 - math.floor(math.log10(abs(rounded))))
    return signed(f"{rounded:.{digits}f}")


def count(value: float | None) -> str:
    """1.8 M, 83 k, 950; whole numbers below a thousand as they are: 4, and not 4.0."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 1000 and value == round(value):
        return signed(f"{value:.0f}")
    # Rounded before the prefix is chosen: 999,600 is 1.0 M and not 1000 k.
    rounded = float(f"{value:.1e}")
    for size, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(rounded) >= size:
            return two_figures(rounded / size) + suffix
    return two_figures(value)


def seconds(value: float | None) -> str:
    """0.42 s, 42 s, 2.2 min, 1.3 h"""
    if value is None or not math.isfinite(value):
        return NONE
    if value >= 5400:
        return two_figures(value / 3600) + " h"
    if value >= 99.5:
        return two_figures(value / 60) + " min"
    if 0 < value < 0.0995:
        return two_figures(value * 1e3) + " ms"
    return two_figures(value) + " s"


def microseconds(value: float) -> str:
    """42 µs, 4.2 ms, 4.2 s"""
    return seconds(value / 1e6) if value >= 995 else f"{two_figures(value)} µs"


def rank_label(rank: int | None, low: int | None, high: int | None) -> str:
    """`4`, or `4 (2–7)` with the ranks that it may truly have; empty without a rank."""
    if rank is None:
        return ""
    return f"{rank}" if low == high else f"{rank} ({low}–{high})"


def p_value(value: float | None) -> str:
    """p = 0.031, p < 0.001"""
    if value is None or not math.isfinite(value):
        return NONE
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
