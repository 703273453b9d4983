from __future__ import annotations

import pytest

from mmbench.errors import UserError
from mmbench.schema.params import Sweep
from mmbench.sweep.cluster import Slots, share_out, started


def _settings(at_once: int | str = "auto", per_gpu: int | str = "auto") -> Sweep:
    return Sweep.model_validate(
        {"at_once": at_once, "per_gpu": per_gpu, "time_limit_s": None, "memory_limit_gb": None, "retries": 0}
    )


@pytest.mark.parametrize(
    ("settings", "cpus", "gpus", "expected"),
    [
        (_settings(), 2, 0, Slots(count=2, cpus=1.0, gpus=0.0)),
        (_settings(at_once=1), 8, 0, Slots(count=1, cpus=1.0, gpus=0.0)),
        (_settings(at_once=3), 2, 0, Slots(count=3, cpus=0.6666, gpus=0.0)),
        (_settings(), 16, 1, Slots(count=16, cpus=1.0, gpus=0.0625)),
        # 39 trials a GPU by memory, 32 by cores.
        (_settings(), 64, 2, Slots(count=64, cpus=1.0, gpus=0.0312)),
        (_settings(per_gpu=3), 16, 1, Slots(count=3, cpus=1.0, gpus=0.3333)),
    ],
)
def test_cores_and_gpus_are_shared_out(settings: Sweep, cpus: int, gpus: int, expected: Slots) -> None:
    got = share_out(settings, cpus=cpus, gpus=gpus, gpu_gib=78)
    assert got == expected
    assert got.count * got.cpus <= cpus
    assert got.count * got.gpus <= gpus


def test_a_cluster_that_does_not_answer_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with (
        pytest.raises(UserError, match=r"RAY_ADDRESS=127\.0\.0\.1:1 does not answer"),
        started(_settings(), meanwhile=lambda: None),
    ):
        pass
