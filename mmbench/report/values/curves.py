"""Learning curves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The main metric on validation by epoch: median and quartile band over the runs. All three have one value an
    epoch.

    kind: "cell" (name is the method's key), "single", "attention", "fusion" or "architecture" (name is the level).
    runs: how many curves went in.
    """

    dataset: str
    kind: str
    name: str
    runs: int
    median: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
