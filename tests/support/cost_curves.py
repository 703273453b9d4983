"""Profiles of what attention costs by length, with planted exponents."""

from __future__ import annotations

import numpy as np

from mmbench.schema.cost_curves import Point, Profile, Series, Stop

LENGTHS = tuple(2**power for power in range(7, 15))


def series(name: str, exponent: float, *, scale: float = 1e-6, noise: float = 0.0, stop: Stop | None = None) -> Series:
    """Cost that grows with a planted exponent beyond a fixed part that matters below 1,024 tokens only."""
    draw = np.random.default_rng(0)
    lengths = [n for n in LENGTHS if stop is None or n < stop.length]
    points = []
    for n in lengths:
        cost = scale * n**exponent * float(np.exp(noise * draw.normal())) + (1e-3 if n < 1024 else 0)
        points.append(
            Point(
                length=n,
                forward=cost / 3,
                forward_iqr=0.0,
                training=cost,
                training_iqr=cost / 50,
                memory=round(1000 * n**exponent),
            )
        )
    return Series(attention=name, points=tuple(points), stop=stop)


def profile(*found: Series, device: str = "cpu") -> Profile:
    return Profile(
        device=device,
        hardware="Some Processor",
        precision="float32",
        threads=2,
        batch=1,
        heads=2,
        width=64,
        limits={"seconds": 20.0, "memory_gb": 8.0},
        versions={"torch": "2.0"},
        commit="0123456789abcdef",
        started="2026-01-02T03:04:05+00:00",
        series=found,
    )


OUT = Stop(length=16384, why="out of memory", message="would need about 9 GB, of which 8 GB may be used")


def example() -> Profile:
    return profile(
        series("scaled_dot_product", 2.0),
        series("linear", 1.0, scale=1e-5),
        series("topk", 2.0, scale=3e-6, stop=OUT),
    )
