"""Profiles on disk, and the exponent: planted ones are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.errors import UserError
from mmbench.schema import cost_curves
from tests.support.cost_curves import LENGTHS, example, profile, series


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
