"""Spaces that configurations are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mmbench.errors import UserError
from mmbench.schema.params import load_params
from mmbench.schema.tuning import choose, distribution, share
from tests.support import plain


def test_draws_are_even_and_follow_their_distribution() -> None:
    shares = np.array([share(seed, k, "learning_rate") for seed in range(40) for k in range(1, 40)])
    assert abs(shares.mean() - 0.5) < 0.03 and np.histogram(shares, 10, (0, 1))[0].min() > 100
    rates = [distribution({"log_uniform": [0.001, 0.1]}).at(s, None) for s in shares]
    assert min(rates) >= 0.001 and max(rates) <= 0.1 and abs(float(np.median(rates)) - 0.01) < 0.002
    found = [distribution({"choice": ["a", "b", "c"]}).at(s, None) for s in shares]
    assert all(abs(found.count(x) / len(found) - 1 / 3) < 0.05 for x in "abc")
    times = distribution({"times": {"choice": [0.5, 1, 2]}})
    assert {times.at(s, 5) for s in shares} == {2, 5, 10} and {times.at(s, 0.4) for s in shares} == {0.2, 0.4, 0.8}
    assert all(isinstance(distribution({"uniform": [4, 9]}).at(s, 5), int) for s in shares)


def test_of_a_seed_and_a_number_and_a_name_each_gives_other_draws() -> None:
    assert len({share(seed, k, name) for seed in range(5) for k in range(5) for name in "abcde"}) == 125


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"learnin_rate": {"choice": [1]}}, "did you mean 'learning_rate'"),
        ({"dropout": {"uniform": [0, 1.2]}}, "should be less than 1"),
        ({"dropout": {"log_uniform": [0, 0.2]}}, "must be above 0"),
        ({"epochs": {"times": {"times": {"choice": [1]}}}}, "once is enough"),
        ({"batch_size": {"normal": [1, 2]}}, "expected one of log_uniform"),
        ({"batch_size": 3}, "expected one of log_uniform"),
        ({"patience": {"times": {"choice": [1]}}}, "no number to multiply"),
        ({"epochs": {"choice": [0.5]}}, "allows 0.5"),
        ({"precision": {"choice": ["float32", "bf"]}}, "allows 'bf'"),
        ({"learning_rate": {"uniform": [3, 1]}}, "the lower one first"),
        ({"learning_rate": {"uniform": [0.1]}}, "two ends"),
        ({"learning_rate": {"choice": []}}, "no values"),
        ({"learning_rate": {"log_uniform": [0.1, "x"]}}, "not all numbers"),
        ({"learning_rate": {"log_uniform": 0.1}}, "expected a list"),
        ({"dropout": {"uniform": [0.0, float("inf")]}}, "finite"),
    ],
)
def test_a_space_that_cannot_be_is_refused_with_its_place(tmp_path: Path, space: dict[str, Any], said: str) -> None:
    raw = plain.settings() | {"tuning": {"configurations": 4, "space": space}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(UserError, match=r"params\.yaml: tuning\.space") as found:
        load_params(tmp_path / "params.yaml")
    assert said in str(found.value)


def test_the_best_on_validation_counts_the_first_of_equals_and_never_one_that_failed() -> None:
    assert choose([0.3, 0.5, 0.5, None]) == 1
    assert choose([None, -2.0]) == 1
    assert choose([None, None]) is None
