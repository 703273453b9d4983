"""Profiles on disk, and the exponent: planted ones are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmbench.errors import UserError
from mmbench.schema import cost_curves
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


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0])
def test_a_planted_exponent_is_found(exponent: float) -> None:
    for what in ("forward", "training", "memory"):
        found = series("x", exponent).fit(what)
        assert found is not None
        assert found.exponent == pytest.approx(exponent, abs=0.001)
        assert (found.first, found.last) == (1024, 16384)


def test_the_interval_covers_the_truth_under_noise() -> None:
    found = series("x", 1.3, noise=0.1).fit("training")
    assert found is not None and found.half is not None
    assert 0.02 < found.half < 0.5
    assert abs(found.exponent - 1.3) < found.half


def test_two_lengths_give_an_exponent_without_an_interval_and_one_gives_none() -> None:
    two = cost_curves.fit([1024, 2048], [1.0, 4.0])
    assert two is not None and two.exponent == pytest.approx(2.0) and two.half is None
    assert cost_curves.fit([1024], [1.0]) is None
    assert cost_curves.fit([1024, 1024], [1.0, 2.0]) is None


def test_a_profile_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "profile"
    assert cost_curves.load(folder) == ()
    kept = example()
    assert cost_curves.save(kept, folder) == folder / "cpu.json"
    gpu = profile(series("linear", 1.0), device="cuda")
    cost_curves.save(gpu, folder)
    assert cost_curves.load(folder) == (kept, gpu)
    assert sorted(p.name for p in folder.iterdir()) == ["cpu.json", "cuda.json"]


def test_a_file_that_is_no_profile_is_told(tmp_path: Path) -> None:
    (tmp_path / "cpu.json").write_text('{"device": 3}')
    with pytest.raises(UserError, match=r"cpu\.json is no profile .*run `mmbench cost-curves` again"):
        cost_curves.load(tmp_path)


def test_speed_is_told_against_the_exact_softmax_of_the_same_run() -> None:
    found = example()
    linear, topk = found.of("linear"), found.of("topk")
    assert linear and topk
    assert found.speedup(linear, 16384) == pytest.approx(16384 / 10)
    assert found.speedup(topk, 16384) is None
    assert found.lengths == LENGTHS
