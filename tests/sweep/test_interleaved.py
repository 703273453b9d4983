"""What is asked for on the way runs in turn with what waits."""

from __future__ import annotations

from mmbench.sweep.planning.interleaved import interleaved


def test_in_turn_and_nothing_is_lost() -> None:
    assert interleaved([[1, 2], [10, 20, 30, 40], [], [100]]) == [1, 10, 100, 2, 20, 30, 40]
    assert interleaved([]) == []
