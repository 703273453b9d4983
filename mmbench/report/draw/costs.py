"""How costs read."""

from __future__ import annotations

from mmbench.report.values.numbers import count, microseconds, seconds


def cost_text(cost: str, value: float | None) -> str:
    """A cost with its unit, two significant figures."""
    if value is None:
        return "–"
    if cost == "train_seconds":
        return seconds(value)
    if cost in ("inference_us", "latency_us"):
        return microseconds(value)
    return f"{count(value)}{'B' if cost == 'peak_memory' else ''}"
