"""One real sweep with methods that fail in every way; all others finish."""

from __future__ import annotations

import pytest

from mmbench.schema.result import State, TrialResult
from tests.support import driver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, TrialResult], str, int]:
    """Results by attention (or baseline), what was printed, and the exit code."""
    attention = ["mean", "additive", "raises", "nan", "greedy", "endless", "stuck", "vanishing"]
    root = driver.project(
        tmp_path_factory.mktemp("states") / "project",
        grid={"attention": attention, "fusion": ["concat"], "architecture": ["independent"]},
        controls={"single_modalities": False, "baselines": ["majority"]},
        sweep={"time_limit_s": 10, "memory_limit_gb": 2, "retries": 1},
    )
    process = driver.start(root)
    output, _ = process.communicate(timeout=200)
    found = driver.results(root).values()
    return {r.config.attention.name if r.config.attention else "baseline": r for r in found}, output, process.returncode


def test_good_trials_finish_beside_bad_ones(swept: tuple[dict[str, TrialResult], str, int]) -> None:
    results, output, code = swept
    assert code == 0, output
    assert len(results) == 9
    for name in ("mean", "additive", "baseline"):
        assert results[name].state is State.DONE
        assert results[name].message is None


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("raises", State.FAILED, "ValueError: planted: a shape that cannot be"),
        ("nan", State.DIVERGED, "loss nan"),
        ("greedy", State.OUT_OF_MEMORY, "limit: 2 GiB"),
        ("endless", State.TIMEOUT, "took longer than its limit of 10 s"),
        ("stuck", State.TIMEOUT, "did not react, so its process was ended"),
        ("vanishing", State.FAILED, "its worker was lost 2 times"),
    ],
)
def test_every_fault_has_its_state_and_message(
    swept: tuple[dict[str, TrialResult], str, int], name: str, state: State, message: str
) -> None:
    results, output, _ = swept
    assert results[name].state is state
    assert message in (results[name].message or "")
    assert message in output
    assert results[name].metrics == {}


def test_a_failure_keeps_its_traceback(swept: tuple[dict[str, TrialResult], str, int]) -> None:
    assert "in fail" in (swept[0]["raises"].traceback or "")


def test_the_last_lines_count_the_states(swept: tuple[dict[str, TrialResult], str, int]) -> None:
    assert "9 trials: 3 done, 2 failed, 1 diverged, 2 timeout, 1 out of memory" in swept[1]
